/** The page at the emulator's root: shows the account, and turns buttons into calls. */
import { control, onChange, refresh, tell } from "./calls.js";
import { customerView } from "./customers.js";
import { button, element, faint, time } from "./elements.js";
import { eventView } from "./events.js";
import { chaosText, hostilityButtons } from "./hostility.js";
import { checkoutView, portalView } from "./sessions.js";
import { settingsView } from "./settings.js";
import { subscribe } from "./subscriber.js";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const REFRESH_MS = 2_000;

const part = (id) => document.getElementById(id);
const advance = (seconds) => () => control("advance", { seconds });

const MODES = { deliver: "Deliver webhooks", hold: "Hold webhooks", drop: "Lose webhooks" };
const STATES = {
  deliver: (pending) => `${pending} pending`,
  hold: (pending) => `${pending} held`,
  drop: () => "nobody is reached",
};

let shown = "";

function show(overview) {
  const { now, offset, ...rest } = overview;
  const { mode, pending, faults, chaos, rateLimits, settings, customers, events } = rest;
  const { checkouts, portals } = rest;
  const ahead = offset === 0 ? "real time" : `${(offset / DAY).toFixed(1)} days ahead`;
  part("clock").textContent = `${time(now)} · ${ahead}`;

  // What did not change is left alone, so that nobody's click or selection is lost.
  const news = JSON.stringify(rest);
  if (news === shown) return;
  shown = news;
  part("webhook-buttons").replaceChildren(...webhookButtons(mode, pending));
  part("hostility").textContent = chaosText(chaos);
  part("hostility-buttons").replaceChildren(...hostilityButtons(chaos, rateLimits));
  part("settings").replaceChildren(...settingsView(settings));
  const sessions = [...checkouts.map(checkoutView), ...portals.map(portalView)];
  part("sessions").replaceChildren(...orNone(sessions, "No session yet."));
  part("customers").replaceChildren(...orNone(customers.map(customerView), "No customer yet."));
  part("events").replaceChildren(...orNone(events.map(eventView), "No event yet."));
  part("faults").replaceChildren(
    ...faults.map(({ kind, nth, method, path }) =>
      element("li", "wait", `${kind} in ${nth} call(s): ${method ?? "any"} ${path ?? ""}`),
    ),
  );
}

function orNone(views, text) {
  return views.length === 0 ? [faint(text)] : views;
}

function webhookButtons(mode, pending) {
  return [
    element("span", mode === "deliver" ? "faint" : "wait", STATES[mode](pending)),
    ...Object.entries(MODES)
      .filter(([other]) => other !== mode)
      .map(([other, label]) => button(label, () => control("webhooks", { mode: other }))),
    button("Redeliver all, shuffled", () => control("deliveries/redeliver", { order: "shuffle" })),
    button("Reset", async () => {
      if (confirm("Forget every customer, subscription and event?")) await control("reset");
    }),
  ];
}

part("clock-buttons").append(
  button("+ 1 hour", advance(HOUR)),
  button("+ 1 day", advance(DAY)),
  button("+ 1 week", advance(7 * DAY)),
  button("+ 1 month", advance(31 * DAY)),
);
part("subscriber").addEventListener("submit", (event) => {
  event.preventDefault();
  void subscribe(Object.fromEntries(new FormData(event.target)));
});
part("fault").addEventListener("submit", (event) => {
  event.preventDefault();
  void control("faults", Object.fromEntries(new FormData(event.target)));
});

part("chaos").addEventListener("submit", (event) => {
  event.preventDefault();
  const filled = [...new FormData(event.target)].filter(([, value]) => value !== "");
  void control("chaos", Object.fromEntries(filled));
});

onChange(show);

async function keepFresh() {
  try {
    await refresh();
  } catch {
    tell("The emulator does not answer.");
  }
  setTimeout(keepFresh, REFRESH_MS);
}
await keepFresh();
