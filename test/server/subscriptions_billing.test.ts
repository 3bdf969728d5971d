import { accessToken } from "../support/client.ts";
import { expect } from "../support/index.ts";
import { addMember, foundOpenTenant, test } from "../support/quiet_system.ts";
import { isEvent, Subscriber } from "../support/subscriber.ts";

test("who manages billing is told what came of a request to Stripe, others that there is something", async ({
  system,
  admin,
}) => {
  const owner = await foundOpenTenant(system, admin, { name: "Asker", person: "Olga" });
  const person = await addMember(system, admin, owner);
  using olga = await Subscriber.connect(system.url, owner.token);
  using mia = await Subscriber.connect(
    system.url,
    await accessToken(system.url, person, owner.tenantId),
  );
  for (const subscriber of [olga, mia]) {
    subscriber.subscribe(
      "subscription { tenantChanged { event billingRequest { status errorCode } } }",
    );
    await subscriber.until(isEvent("current"));
  }
  const { rows } = await admin.query<{ id: string }>(
    `insert into app_public.billing_requests (tenant_id, kind, status, error_code)
    values ($1, 'portal', 'failed', 'expired') returning id`,
    [owner.tenantId],
  );
  await admin.query("select app_private.notify_tenant($1, 'billing_request', $2)", [
    owner.tenantId,
    rows[0]?.id,
  ]);
  await olga.until(isEvent("billing_request"));
  await mia.until(isEvent("billing_request"));
  const event = "billing_request";
  expect(olga.told().at(-1)).toEqual({
    data: { tenantChanged: { event, billingRequest: { status: "failed", errorCode: "expired" } } },
  });
  expect(mia.told().at(-1)).toEqual({ data: { tenantChanged: { event, billingRequest: null } } });
});
