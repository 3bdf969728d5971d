import type pg from "pg";
import type { Logger } from "pino";

export type IdentityMailOptions = {
  /** As role app_identity. */
  pool: Pick<pg.Pool, "query">;
  /** Where the frontend lives; no trailing slash. */
  appUrl: string;
  logger: Logger;
};

type Occasion = { user: { id: string }; url: string };

/** What better-auth calls to send a mail: each books a job, so that nobody waits for a mail server. */
export function identityMail({ pool, appUrl, logger }: IdentityMailOptions) {
  async function enqueue(kind: string, { user, url }: Occasion, path: string): Promise<void> {
    try {
      await pool.query("select app_private.enqueue_identity_mail($1, $2, $3)", [
        kind,
        user.id,
        returningTo(url, appUrl, path),
      ]);
    } catch (error) {
      // Not thrown: a request for an address that is unknown would be answered in another way.
      logger.error({ err: error, kind }, "a mail could not be booked");
    }
  }
  return {
    sendVerificationEmail: (occasion: Occasion) => enqueue("verify_email", occasion, "/"),
    sendResetPassword: (occasion: Occasion) =>
      enqueue("reset_password", occasion, "/reset-password"),
  };
}

/**
 * The link with the page that it leads on to: what the frontend asked for, relative to where it
 * lives, or else `path` there. better-auth checks it against the trusted origins when it is followed.
 */
function returningTo(link: string, appUrl: string, path: string): string {
  const url = new URL(link);
  const asked = url.searchParams.get("callbackURL") ?? "";
  const page = asked === "" || asked === "/" ? path : asked;
  url.searchParams.set("callbackURL", page.startsWith("/") ? `${appUrl}${page}` : page);
  return url.href;
}
