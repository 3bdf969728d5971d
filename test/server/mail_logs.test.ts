import { makeLogger } from "../../server/logger.ts";
import { post, signUp } from "../support/client.ts";
import { expect, test } from "../support/index.ts";
import { linkIn, mailTo } from "../support/outbox.ts";
import { withSystem } from "../support/system.ts";

test("no line of either process's log holds a link's secret, booked, sent, followed or refused", async ({
  database,
}) => {
  const lines: string[] = [];
  const logger = makeLogger("trace", "test", { write: (line) => lines.push(line) });
  const secrets: string[] = [];
  await withSystem(database, { logger }, async ({ url }) => {
    const { email } = await signUp(url, "Ada");
    const verification = linkIn(await mailTo(url, email, /^Verify/));
    await post(`${url}/api/auth/request-password-reset`, { email });
    const reset = linkIn(await mailTo(url, email, /^Set a new/));

    for (const link of [verification, reset, `${reset}x`, reset.replace("/reset-", "/x/reset-")]) {
      await fetch(link, { redirect: "manual" });
    }
    const evil = reset.replace(/callbackURL=.*/, "callbackURL=https://evil.example.com");
    expect((await fetch(evil, { redirect: "manual" })).status).toBe(403);
    const token = /reset-password\/([\w-]+)/.exec(reset)?.[1] ?? "";
    await post(`${url}/api/auth/reset-password`, { token, newPassword: "short" });
    await post(`${url}/api/auth/reset-password?token=${token}`, { newPassword: "long enough" });
    secrets.push(token, new URL(verification).searchParams.get("token") ?? "");
  });

  const log = lines.join("");
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(20);
    expect(log).not.toContain(secret);
  }
  // Both processes have spoken, of just this.
  expect(log).toContain("/api/auth/reset-password/[redacted]");
  expect(log).toMatch(/Completed task \d+ \(send_identity_mail/);
});
