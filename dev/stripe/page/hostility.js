import { control } from "./calls.js";
import { button } from "./elements.js";

/** What webhooks suffer now, with the seed that makes it happen again. */
export function chaosText({ seed, ...shares }) {
  const named = Object.entries(shares).filter(([, share]) => share > 0);
  if (named.length === 0) return "Webhooks arrive as they should.";
  return `Seed ${seed}: ${named.map(([name, share]) => `${name} ${share}`).join(", ")}`;
}

/** The switches: an end to the mischief, and Stripe's limits on calls a second. */
export function hostilityButtons({ seed: _seed, ...shares }, limits) {
  const limit = (label, body) => button(label, () => control("rate_limits", body));
  return [
    ...(Object.values(shares).some((share) => share > 0)
      ? [button("Leave webhooks alone", () => control("chaos"))]
      : []),
    limits === "off"
      ? limit("Keep rate limits (sandbox)", { on: true })
      : limit(`Stop rate limits (${limits})`, { on: false }),
  ];
}
