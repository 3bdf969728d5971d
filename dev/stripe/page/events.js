import { control } from "./calls.js";
import { button, code, element, faint, tag, time } from "./elements.js";

/** An event with how its deliveries went. */
export function eventView({ id, type, created, object, deliveries }) {
  return element(
    "div",
    "row",
    element("strong", "", type),
    faint(time(created)),
    object ? code(object) : null,
    deliveries.map(deliveryView),
    element(
      "div",
      "actions",
      button("Redeliver", () => control("deliveries/redeliver", { event: id })),
    ),
  );
}

function deliveryView({ state, attemptCount, last }) {
  const answer = last === null ? "not sent yet" : (last.status ?? last.error);
  const made = tag(state);
  made.title = `${attemptCount} attempt(s); the last: ${answer}`;
  return made;
}
