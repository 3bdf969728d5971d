import * as p from "../params.ts";
import type { Store } from "../store.ts";

/** What a person chooses for the whole account in Stripe's Dashboard. */
export const settingsFields = p.shape(
  {},
  {
    /** What becomes of a subscription when its last retry has failed. */
    after_retries: p.oneOf("cancel", "unpaid", "past_due", "pause"),
    /** What becomes of it when a payment of it is disputed. */
    on_dispute: p.oneOf("keep", "cancel"),
  },
);
/** All of them. */
export type AccountSettings = Required<ReturnType<typeof settingsFields>>;

const ID = "account";

/** The settings in force. */
export function settingsOf(store: Store): AccountSettings {
  const { id: _id, ...chosen } = store.settings.get(ID) ?? { id: ID };
  return { after_retries: "cancel", on_dispute: "keep", ...chosen };
}

/** Changes the settings named. */
export function chooseSettings(
  store: Store,
  chosen: ReturnType<typeof settingsFields>,
): AccountSettings {
  store.settings.set(ID, { id: ID, ...store.settings.get(ID), ...chosen });
  return settingsOf(store);
}
