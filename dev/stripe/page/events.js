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
    deliveries.flatMap(deliveryView),
    element(
      "div",
      "actions",
      button("Redeliver", () => control("deliveries/redeliver", { event: id })),
    ),
  );
}

function deliveryView({ state, attempts, next }) {
  const made = tag(state);
  made.title = attempts.map(attemptText).join("\n") || "not sent yet";
  if (attempts.length === 0 || next === null) return made;
  return [made, faint(`tried ${attempts.length}×, next at ${time(next)}`)];
}

function attemptText({ at, status, error }) {
  return `${time(Date.parse(at) / 1000)}: ${status ?? error}`;
}
