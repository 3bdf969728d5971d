/** What may change the subscription is open one at a time. */
import { asUser } from "../../support/acting.ts";
import { ask, attempt, ownerOf, settleAll, subscribe } from "../../support/asking_for_billing.ts";
import { createCast } from "../../support/cast.ts";
import { expect, test } from "../../support/index.ts";

const CHANGE = "change_plan('pro')";
const CANCEL = "cancel_subscription()";
const RESUME = "resume_subscription()";
const CHECKOUT = "create_checkout_session('pro')";
test.for([
  [CHANGE, "active", "A change of the plan is being worked on", [CANCEL, RESUME]],
  [CANCEL, "active", "A cancellation is being worked on", [CHANGE, RESUME]],
  [RESUME, "active", "A resumption is being worked on", [CHANGE, CANCEL]],
  [CHECKOUT, "incomplete", "A checkout is being prepared", [CANCEL]],
  [CANCEL, "incomplete", "A cancellation is being worked on", [CHECKOUT]],
] as const)(
  "while %s of what is %s is open, nothing else may change the subscription",
  async ([call, status, message, others], { db }) => {
    const cast = await createCast(db);
    await subscribe(db, cast.acme, status);
    await subscribe(db, cast.globex, status);
    const { id, kind } = await ask(db, ownerOf(cast), call);
    const detail = `{"billingRequestId" : "${id}", "kind" : "${kind}"}`;
    for (const other of others) {
      const refusal = asUser(db, ownerOf(cast), () => db.query(`select app_public.${other}`));
      await expect(refusal).rejects.toMatchObject({ code: "CNFLT", message, detail });
      // Another tenant's is in nobody else's way.
      const mallory = { userId: cast.mallory, tenantId: cast.globex };
      expect(await attempt(db, mallory, other)).toBe("done");
      await settleAll(db, cast.globex);
    }
    // What changes nothing waits for nothing.
    expect(await attempt(db, ownerOf(cast), "create_billing_portal_session()")).toBe("done");
    expect((await ask(db, ownerOf(cast), call)).id).toBe(id);
    await settleAll(db, cast.acme);
    expect(await attempt(db, ownerOf(cast), others[0])).toBe("done");
  },
);

test("a checkout of the same plan is no change to it", async ({ db }) => {
  const cast = await createCast(db);
  await subscribe(db, cast.acme, "incomplete");
  await ask(db, ownerOf(cast), CHECKOUT);
  await subscribe(db, cast.acme, "active");
  expect(await attempt(db, ownerOf(cast), "change_plan('pro', 'month')")).toBe("CNFLT");
});

test("what is asked of one subscription is not answered by a request that meant another", async ({
  db,
}) => {
  const cast = await createCast(db);
  await subscribe(db, cast.acme, "active");
  const owns = (id: string) =>
    db.query(
      "update app_public.billing_accounts set stripe_subscription_id = $1 where tenant_id = $2",
      [id, cast.acme],
    );
  await owns("sub_1");
  const first = await ask(db, ownerOf(cast), CANCEL);
  expect((await ask(db, ownerOf(cast), CANCEL)).id).toBe(first.id);
  await owns("sub_2");
  expect(await attempt(db, ownerOf(cast), CANCEL)).toBe("CNFLT");
});
