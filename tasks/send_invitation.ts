import { createHash, randomBytes } from "node:crypto";

import type { JobHelpers, Task } from "graphile-worker";

import type { Mailer } from "./mail/mail.ts";
import { sendMail } from "./mail/send.ts";
import { invitation } from "./mail/templates.ts";
import { uuidFrom } from "./payload.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      send_invitation: { tenant_id: string; invitation_id: string };
    }
  }
}

export type SendInvitationOptions = { mailer: Mailer; appUrl: string };

type OpenInvitation = {
  email: string;
  tenant_name: string;
  inviter_name: string;
  role_name: string;
  expires_at: Date;
};

const TOKEN_BYTES = 32;

/**
 * Sends an invitation's link. The token is made here and only its hash is stored, so that nobody who
 * reads the database, the queue included, can accept. Each attempt makes another: an earlier mail may
 * have arrived although we were not told, and its link stays good.
 */
export function sendInvitation({ mailer, appUrl }: SendInvitationOptions): Task<"send_invitation"> {
  return async function run(payload, helpers) {
    const tenantId = uuidFrom(payload, "tenant_id");
    const invitationId = uuidFrom(payload, "invitation_id");
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const open = await recordToken(helpers.query, tenantId, invitationId, token);
    if (open === undefined) return;
    const letter = invitation({
      tenantName: open.tenant_name,
      inviterName: open.inviter_name,
      roleName: open.role_name,
      expiresAt: open.expires_at,
      url: `${appUrl}/invitations/${token}`,
      appUrl,
    });
    await sendMail(mailer, helpers, { to: open.email, ...letter });
  };
}

/** Undefined when the invitation is not open any more. */
async function recordToken(
  query: JobHelpers["query"],
  tenantId: string,
  invitationId: string,
  token: string,
): Promise<OpenInvitation | undefined> {
  const hash = createHash("sha256").update(token).digest();
  const { rows } = await query<OpenInvitation>(
    `select email, tenant_name, inviter_name, role_name, expires_at
    from app_private.record_invitation_token($1, $2, $3)`,
    [tenantId, invitationId, hash],
  );
  return rows[0];
}
