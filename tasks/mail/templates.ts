/** The mails that Rowhouse sends. Each is one sentence and one link; plain text says all of it. */
import { dateOf, hostOf, letter, oneLine } from "./letter.ts";
import type { Letter } from "./mail.ts";

/** `url`: where the link leads; `appUrl`: how people know the service. */
export type LinkOptions = { url: string; appUrl: string };

export type InvitationOptions = LinkOptions & {
  tenantName: string;
  inviterName: string;
  roleName: string;
  expiresAt: Date;
};

/**
 * Proof of an address. It does not repeat the name that came with it: whoever signs up with somebody
 * else's address must not get to write to them in our name.
 */
export function verifyEmail({ url, appUrl }: LinkOptions): Letter {
  return letter({
    subject: "Verify your e-mail address",
    before: `Somebody, we hope you, signed up at ${hostOf(appUrl)} with this address. Follow the link to say that it is yours.`,
    link: { label: "Verify this address", url },
    after:
      "The link is good for one hour. If it was not you, do nothing: without it, nobody is taken for the owner of this address.",
  });
}

/** A new password; without a name for the same reason. */
export function resetPassword({ url, appUrl }: LinkOptions): Letter {
  return letter({
    subject: "Set a new password",
    before: `Somebody, we hope you, forgot the password to ${hostOf(appUrl)}. Follow the link to set a new one; it signs you out everywhere else.`,
    link: { label: "Set a new password", url },
    after:
      "The link is good for one hour and works once. If it was not you, do nothing: the old password stays.",
  });
}

/** An invitation to a tenant. */
export function invitation(options: InvitationOptions): Letter {
  const { url, appUrl, expiresAt } = options;
  const [tenant, inviter, role] = [options.tenantName, options.inviterName, options.roleName].map(
    oneLine,
  );
  return letter({
    subject: `${inviter} invites you to ${tenant}`,
    before: `${inviter} invites you to join ${tenant} at ${hostOf(appUrl)} with the role ${role}. Follow the link to accept or decline.`,
    link: { label: "See the invitation", url },
    after: `The invitation is good until ${dateOf(expiresAt)}, for this address only. If you don't know who that is, do nothing.`,
  });
}
