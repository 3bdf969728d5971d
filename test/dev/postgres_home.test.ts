import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { HomeInUseError, openHome } from "../../dev/home.ts";
import { holdHome, killHard, test } from "../support/home.ts";
import { expect, waitUntil } from "../support/index.ts";

test("secrets are made once, for their owner's eyes only", async ({ quick }) => {
  const first = await openHome(quick);
  await first.release();
  const second = await openHome(quick);
  await second.release();

  expect(second.secrets).toEqual(first.secrets);
  expect(first.secrets.stripeWebhookSecret).toMatch(/^whsec_.{20,}/);
  expect(first.secrets.authSecret.length).toBeGreaterThanOrEqual(32);
  expect((await stat(join(quick, "secrets.json"))).mode & 0o777).toBe(0o600);
  expect((await stat(quick)).mode & 0o066).toBe(0);
});

test("a second start on the same home fails and names the first", async ({ quick }) => {
  const { child } = holdHome(quick);
  await waitUntil(async () => {
    const pid = await readFile(join(quick, "pid"), "utf8").catch(() => "");
    return Number(pid) === child.pid;
  });
  const refusal: unknown = await openHome(quick).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(HomeInUseError);
  expect(refusal).toMatchObject({ pid: child.pid });
  expect(String(refusal)).toMatch(/already runs on .* Stop it with/);

  await killHard(child);
  // Not after some delay: the lock died with its holder.
  const home = await openHome(quick);
  await home.release();
});

test("secrets that can't be read are refused in one line, not replaced", async ({ quick }) => {
  await (await openHome(quick)).release();
  for (const text of ["", "{", "{}", '{"authSecret":"x"}']) {
    await writeFile(join(quick, "secrets.json"), text);
    await expect(openHome(quick)).rejects.toMatchObject({
      name: "OperatorError",
      message: expect.stringMatching(/^[^\n]*secrets\.json can't be read[^\n]*$/),
    });
  }
});
