/** A status that Stripe adds tomorrow, from the event to what the tenant may. */
import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import { openAlarms } from "../support/inbox.ts";
import { deliver, eventsOf } from "../support/deliveries.ts";
import { expect, test } from "../support/index.ts";
import { paidTenant, standsSynced } from "../support/synced.ts";
import { withWorkshop, type Workshop } from "../support/tasks.ts";

/** Gives the subscription the status at Stripe; its event comes and is processed. */
async function becomes(workshop: Workshop, subscription: string, status: string): Promise<void> {
  await workshop.control(`subscriptions/${subscription}/status`, { status });
  const event = (await eventsOf(workshop, ["customer.subscription.updated"])).at(-1);
  expect(event?.data.object).toMatchObject({ id: subscription, status });
  await deliver(workshop, event ?? {});
  await workshop.settle();
}

test("S26: it keeps what a paying tenant had for a day at most, and grants nothing to another", async ({
  database,
}) => {
  // The recorder of the others holds answers to the SDK's words, and this is none of them.
  await using emulator = await startStripeEmulator({ port: 0 });
  await withWorkshop(database, emulator.url, async (workshop) => {
    const paying = await paidTenant(workshop);
    await standsSynced(workshop, paying);
    await becomes(workshop, paying.subscription, "hibernating");
    const kept = await standsSynced(workshop, paying);
    expect(kept).toMatchObject({ access: "full", access_reason: "unknown_status" });
    expect(Number(kept.grace_ends_at) - Date.now()).toBeLessThanOrEqual(86_400_000);
    expect(await openAlarms(workshop.pool)).toMatchObject([{ kind: "unknown_status" }]);

    const tenantId = await workshop.found();
    await workshop.settle();
    const { customers, subscriptions } = await workshop.atStripe(tenantId);
    const [customer = "", subscription = ""] = [customers[0]?.id, subscriptions[0]?.id];
    await becomes(workshop, subscription, "hibernating");
    const fresh = { tenantId, customer, subscription };
    expect(await standsSynced(workshop, fresh)).toMatchObject({
      access: "none",
      access_reason: "unknown_status",
      grace_ends_at: null,
    });

    await becomes(workshop, paying.subscription, "active");
    expect(await standsSynced(workshop, paying)).toMatchObject({
      access: "full",
      access_reason: "paid",
      grace_ends_at: null,
    });
  });
});
