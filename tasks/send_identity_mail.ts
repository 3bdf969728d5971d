import type { Task } from "graphile-worker";

import type { Mailer } from "./mail/mail.ts";
import { sendMail } from "./mail/send.ts";
import { resetPassword, verifyEmail } from "./mail/templates.ts";
import { choiceFrom, uuidFrom, webAddressFrom } from "./payload.ts";

const TEMPLATES = { verify_email: verifyEmail, reset_password: resetPassword } as const;
const KINDS = ["verify_email", "reset_password"] as const;

declare global {
  namespace GraphileWorker {
    interface Tasks {
      /** The link is short-lived; app_private.enqueue_identity_mail says why it is in here. */
      send_identity_mail: { kind: (typeof KINDS)[number]; user_id: string; url: string };
    }
  }
}

export type SendIdentityMailOptions = { mailer: Mailer; appUrl: string };

/** Sends the identity provider's mail to the address that the person has now. */
export function sendIdentityMail({
  mailer,
  appUrl,
}: SendIdentityMailOptions): Task<"send_identity_mail"> {
  return async function run(payload, helpers) {
    const kind = choiceFrom(payload, "kind", KINDS);
    const userId = uuidFrom(payload, "user_id");
    const url = webAddressFrom(payload, "url");
    const { rows } = await helpers.query<{ email: string }>(
      "select email from app_public.users where id = $1",
      [userId],
    );
    const [user] = rows;
    if (user === undefined) return;
    await sendMail(mailer, helpers, { to: user.email, ...TEMPLATES[kind]({ url, appUrl }) });
  };
}
