/** Whether each billing mail came, and came once. */
import { OUTBOX_MAX, type KeptMail } from "../../../tasks/mail/outbox.ts";
import { rowsOf } from "../../support/query.ts";
import type { World } from "./world.ts";

/** What was booked for somebody, by its occasion, and under which Message-ID it is sent. */
type Booked = { mail: string; occasion: string; user: string; outcome: string | null };

/** A worker does so many jobs at once, so a kill cuts off so many mails at most. */
const CUT_OFF_AT_ONCE = 8;

/** What is wrong with the mails of a round in which the worker was killed so many times. */
export async function faultsOfMails(world: World, kills: number): Promise<string[]> {
  const mails = await world.mails();
  return [...faultsOfRepetition(mails, kills), ...(await faultsOfOccasions(world, mails))];
}

/** Only a mail whose worker was killed before it could note it comes again, and as the same mail. */
function faultsOfRepetition(mails: readonly KeptMail[], kills: number): string[] {
  const times = Map.groupBy(mails, ({ messageId }) => messageId);
  const repeated = [...times.values()].filter((same) => same.length > 1);
  const faults = repeated
    .filter((same) => new Set(same.map(({ subject, text }) => `${subject} ${text}`)).size > 1)
    .map((same) => `Two mails have one Message-ID: ${JSON.stringify(same)}`);
  const surplus = repeated.reduce((sum, same) => sum + same.length - 1, 0);
  if (surplus <= kills * CUT_OFF_AT_ONCE) return faults;
  return [...faults, `${surplus} mails came again after ${kills} kills`];
}

/** Each occasion is told to each recipient under one Message-ID, and what is noted as sent was sent. */
async function faultsOfOccasions({ admin }: World, mails: readonly KeptMail[]): Promise<string[]> {
  const noted = await rowsOf<Booked>(
    admin,
    `select
      mails.id as mail, deliveries.user_id as user, deliveries.outcome,
      concat_ws(' ', mails.tenant_id, mails.kind, mails.about, mails.occasion) as occasion
    from app_private.billing_mails as mails
    join app_private.billing_mail_deliveries as deliveries
      on deliveries.tenant_id = mails.tenant_id and deliveries.mail_id = mails.id`,
  );
  const occasions = new Map(
    noted.map(({ mail, user, occasion }) => [`billing.${mail}.${user}`, `${occasion} ${user}`]),
  );
  const sent = new Set(
    mails.map(({ messageId }) => messageId.replace(/^<(.*)@.*>$/, "$1")).filter(isBilling),
  );
  const told = [...sent].map((key) => occasions.get(key));
  const faults = [...sent]
    .filter((key) => !occasions.has(key))
    .map((key) => `${key} was sent and is noted nowhere`);
  if (new Set(told).size < told.length) faults.push(`Told under two Message-IDs: ${told.join()}`);
  // The outbox forgets the oldest.
  if (mails.length >= OUTBOX_MAX) return faults;
  const missing = [...occasions.keys()].filter((key) => !sent.has(key));
  return [...faults, ...missing.map((key) => `${key} is noted as sent and was not`)];
}

function isBilling(key: string): boolean {
  return key.startsWith("billing.");
}
