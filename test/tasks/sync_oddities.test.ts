/** What is odd about a customer: the sync goes on, hurts nobody else, and tells the operator. */
import { deliver, newestEvent } from "../support/deliveries.ts";
import { asUser, expect, withClient } from "../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../support/query.ts";
import {
  copyOf,
  openAlarms,
  paidTenant,
  priceOf,
  stands,
  standsSynced,
  strangePrice,
  sync,
  tenantWith,
} from "../support/synced.ts";
import { test } from "../support/tasks.ts";

test("S25: metadata that name another tenant touch nobody else, and raise an alarm until they are mended", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const [tenant, other] = [await paidTenant(workshop), await paidTenant(workshop)];
  const before = await standsSynced(workshop, other);
  const claim = { metadata: { tenant_id: other.tenantId } };
  await stripe.customers.update(tenant.customer, claim);
  await stripe.subscriptions.update(tenant.subscription, claim);
  expect(await standsSynced(workshop, tenant)).toMatchObject({ status: "active", access: "full" });
  expect(await stands(workshop, other.tenantId)).toEqual(before);
  expect(await openAlarms(workshop, tenant.customer, tenant.subscription)).toEqual([
    { kind: "tenant_mismatch", subject: expect.any(String) },
    { kind: "tenant_mismatch", subject: expect.any(String) },
  ]);
  await withClient(workshop.database.urls.superuser, async (client) => {
    const { user_id: userId } = await rowOf<{ user_id: string }>(
      client,
      "select user_id from app_public.memberships where tenant_id = $1",
      [other.tenantId],
    );
    await client.query("begin");
    const seen = await asUser(client, { userId, tenantId: other.tenantId }, () =>
      rowsOf(client, "select distinct tenant_id from app_public.invoices"),
    );
    expect(seen).toEqual([{ tenant_id: other.tenantId }]);
    await client.query("rollback; begin");
    const inbox = asUser(client, { userId, tenantId: other.tenantId }, () =>
      client.query("select from app_private.stripe_events"),
    );
    expect(await codeOf(inbox)).toBe("42501");
    await client.query("rollback");
  });

  const right = { metadata: { tenant_id: tenant.tenantId } };
  await stripe.customers.update(tenant.customer, right);
  await stripe.subscriptions.update(tenant.subscription, right);
  await sync(workshop, tenant.customer);
  expect(await openAlarms(workshop, tenant.customer, tenant.subscription)).toEqual([]);
});

test("S32, S33: two subscriptions that are paid give the larger plan and an alarm; the end of one takes nothing of the other", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await paidTenant(workshop);
  const { data } = await stripe.paymentMethods.list({ customer: tenant.customer });
  const second = await stripe.subscriptions.create({
    customer: tenant.customer,
    items: [{ price: await priceOf(workshop, "starter_month") }],
    default_payment_method: data[0]?.id ?? "",
  });
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    plan: "pro",
    access: "full",
    subscription: tenant.subscription,
  });
  const alarm = { kind: "duplicate_subscription", subject: tenant.tenantId };
  expect(await openAlarms(workshop, tenant.tenantId)).toEqual([alarm]);

  // The event tells of nothing but the older one's end; what the newer one grants stays.
  await stripe.subscriptions.cancel(tenant.subscription);
  const ended = await newestEvent(workshop, "customer.subscription.deleted");
  expect(ended.data.object).toMatchObject({ id: tenant.subscription });
  expect(await deliver(workshop, ended)).toBe("pending");
  await workshop.settle();
  expect(await stands(workshop, tenant.tenantId)).toMatchObject({
    plan: "starter",
    status: "active",
    access: "full",
    subscription: second.id,
  });
  expect(await openAlarms(workshop, tenant.tenantId)).toEqual([]);
});

test("S39: a customer deleted at Stripe ends all, is itself asked about no more, and another may come", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const tenant = await paidTenant(workshop);
  await sync(workshop, tenant.customer);
  await stripe.customers.del(tenant.customer);
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    status: "suspended",
    access: "none",
    subscription: null,
    client_secret: null,
  });
  const account = () =>
    rowOf(pool, "select stripe_customer_id from app_public.billing_accounts where tenant_id = $1", [
      tenant.tenantId,
    ]);
  expect(await account()).toEqual({ stripe_customer_id: null });

  const { id } = await stripe.customers.create({ metadata: { tenant_id: tenant.tenantId } });
  await pool.query("select app_private.record_intent_customer($1, $2)", [tenant.tenantId, id]);
  await sync(workshop, tenant.customer);
  expect(await account()).toEqual({ stripe_customer_id: id });
  await sync(workshop, id);
  expect(await stands(workshop, tenant.tenantId)).toMatchObject({ access: "none" });
});

test("S39: a wish still open when its customer is deleted is carried out with another", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenantId = await workshop.found();
  await workshop.control("faults", {
    kind: "500_before",
    method: "POST",
    path: "/v1/subscriptions",
  });
  await expect(workshop.settle({}, { tries: 1 })).rejects.toThrow();
  const { customers } = await workshop.atStripe(tenantId);
  await stripe.customers.del(customers[0]?.id ?? "");
  await workshop.pool.query("select app_private.request_customer_sync($1)", [customers[0]?.id]);
  await workshop.settle();
  const after = await workshop.atStripe(tenantId);
  expect(after.customers.map(({ id }) => id)).not.toContain(customers[0]?.id);
  expect(await stands(workshop, tenantId)).toMatchObject({ access_reason: "awaiting_payment" });
});

test("S41: a price that the catalog has not is synced, keeps the plan, and raises an alarm until it is replaced", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await tenantWith(workshop, {
    items: [{ price: await strangePrice(workshop), quantity: 7 }],
  });
  expect(await standsSynced(workshop, tenant)).toMatchObject({ plan: "pro", status: "active" });
  expect(await copyOf(workshop, tenant)).toMatchObject({
    plan_key: null,
    price_id: null,
    items: [{ quantity: 7 }],
  });
  const alarm = { kind: "unknown_price", subject: tenant.subscription };
  expect(await openAlarms(workshop, tenant.subscription)).toEqual([alarm]);

  await stripe.subscriptions.update(tenant.subscription, {
    items: [
      { id: tenant.made.items.data[0]?.id ?? "", price: await priceOf(workshop, "starter_year") },
    ],
  });
  expect(await standsSynced(workshop, tenant)).toMatchObject({ plan: "starter" });
  expect(await openAlarms(workshop, tenant.subscription)).toEqual([]);
});
