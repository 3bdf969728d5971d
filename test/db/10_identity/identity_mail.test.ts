import { asAnonymous, asIdentity, asUser, asWorker } from "../../support/index.ts";
import { createCast, expect, test } from "../../support/index.ts";
import { codeOf, rowsOf } from "../../support/query.ts";

const ENQUEUE = "select app_private.enqueue_identity_mail($1, $2, $3)";
const LINK = "https://api.example.com/api/auth/verify-email?token=x";
const JOBS = `select payload, max_attempts, revision from graphile_worker._private_jobs
  where key like 'identity_mail:%' order by id`;

test("the identity provider books its mails; one that waits gives way to a newer one", async ({
  db,
}) => {
  const { alice, bob } = await createCast(db);
  const enqueue = (...values: string[]) => asIdentity(db, () => db.query(ENQUEUE, values));
  await enqueue("verify_email", alice, LINK);
  await enqueue("reset_password", alice, LINK);
  await enqueue("verify_email", bob, LINK);
  await enqueue("verify_email", alice, `${LINK}2`);
  const job = (kind: string, userId: string, url: string, revision: number) => ({
    payload: { kind, user_id: userId, url },
    max_attempts: 8,
    revision,
  });
  expect(await rowsOf(db, JOBS)).toEqual([
    job("verify_email", alice, `${LINK}2`, 1),
    job("reset_password", alice, LINK, 0),
    job("verify_email", bob, LINK, 0),
  ]);
});

test("nobody else books mails, nor does the identity provider reach the queue by itself", async ({
  db,
}) => {
  const { alice, acme } = await createCast(db);
  const values = ["verify_email", alice, LINK];
  const others = {
    person: () => asUser(db, { userId: alice, tenantId: acme }, () => db.query(ENQUEUE, values)),
    visitor: () => asAnonymous(db, () => db.query(ENQUEUE, values)),
    task: () => asWorker(db, () => db.query(ENQUEUE, values)),
    provider: () =>
      asIdentity(db, () => db.query("select graphile_worker.add_job('send_identity_mail')")),
    reader: () => asIdentity(db, () => db.query("select * from graphile_worker._private_jobs")),
  };
  for (const [name, act] of Object.entries(others)) {
    expect(await codeOf(act()), name).toBe("42501");
  }
});

test.for([
  ["another kind", ["invitation", "00000000-0000-7000-8000-000000000000", LINK]],
  ["no kind", [null, "00000000-0000-7000-8000-000000000000", LINK]],
  ["nobody", ["verify_email", null, LINK]],
  ["no link", ["verify_email", "00000000-0000-7000-8000-000000000000", null]],
  ["a book for a link", ["verify_email", "00000000-0000-7000-8000-000000000000", "x".repeat(4097)]],
] as const)("a mail with %s is not booked", async ([, values], { db }) => {
  expect(await codeOf(asIdentity(db, () => db.query(ENQUEUE, [...values])))).toBe("INPUT");
});
