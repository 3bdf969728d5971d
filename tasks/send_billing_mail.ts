import type { JobHelpers, Task } from "graphile-worker";

import { billingLetter, type BillingMail } from "./mail/billing_letter.ts";
import type { Mailer } from "./mail/mail.ts";
import { sendMail } from "./mail/send.ts";
import { uuidFrom } from "./payload.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      send_billing_mail: { tenant_id: string; mail_id: string };
    }
  }
}

export type SendBillingMailOptions = { mailer: Mailer; appUrl: string };

type OpenMail = BillingMail & { recipients: readonly { user_id: string; email: string }[] };

/**
 * Tells a tenant's payers what app_private.book_billing_mail booked. Each is sent a mail of their
 * own and noted at once: run again after a crash, it goes on with the others, and the one that was
 * being sent comes with the same Message-ID. What is not true any more is not sent.
 */
export function sendBillingMail({
  mailer,
  appUrl,
}: SendBillingMailOptions): Task<"send_billing_mail"> {
  return async function run(payload, helpers) {
    const tenantId = uuidFrom(payload, "tenant_id");
    const mailId = uuidFrom(payload, "mail_id");
    const { query } = helpers;
    const open = await openMail(query, tenantId, mailId);
    if (open === undefined) return;
    const letter = billingLetter(open, { url: `${appUrl}/billing?tenant=${tenantId}`, appUrl });

    const failures: unknown[] = [];
    for (const { user_id: userId, email } of open.recipients) {
      const key = `billing.${mailId}.${userId}`;
      try {
        const outcome = await sendMail(mailer, helpers, { to: email, ...letter }, key);
        await query("select app_private.record_billing_mail_delivery($1, $2, $3, $4)", [
          tenantId,
          mailId,
          userId,
          outcome,
        ]);
      } catch (error) {
        // One mailbox that is out of order must not keep the news from the others.
        failures.push(error);
      }
    }
    if (failures.length > 0) {
      throw new Error(`${failures.length} of ${open.recipients.length} mails were not sent`, {
        cause: failures[0],
      });
    }
    await query("select app_private.settle_billing_mail($1, $2)", [tenantId, mailId]);
  };
}

/** Undefined when everybody was told, or when it is not true any more. */
async function openMail(
  query: JobHelpers["query"],
  tenantId: string,
  mailId: string,
): Promise<OpenMail | undefined> {
  const { rows } = await query<OpenMail>("select * from app_private.open_billing_mail($1, $2)", [
    tenantId,
    mailId,
  ]);
  return rows[0];
}
