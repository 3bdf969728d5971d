/** Payments that the holder of a card takes back, from the event to what the tenant may do. */
import type { Stripe } from "stripe";

import {
  deliver,
  eventAbout,
  foundSubscriber,
  keptEvent,
  newestEvent,
} from "../support/deliveries.ts";
import { expect } from "../support/index.ts";
import { openAlarms, stands } from "../support/synced.ts";
import { test } from "../support/tasks.ts";

test("S40: a dispute and a fraud warning find their customer through the charge, and alarm", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenantId, customer } = await foundSubscriber(workshop, "pm_card_createDispute");
  const event = await newestEvent(workshop, "charge.dispute.created");
  const dispute = (await stripe.disputes.list({ limit: 1 })).data[0];
  const warning = eventAbout("radar.early_fraud_warning.created", {
    object: "radar.early_fraud_warning",
    id: "issfr_1",
    charge: dispute?.charge,
  });
  for (const each of [event, warning]) await deliver(workshop, each);
  await workshop.settle();
  for (const { id } of [event, warning]) {
    expect(await keptEvent(workshop, id)).toMatchObject({
      status: "processed",
      customer_id: customer,
    });
  }
  expect(await openAlarms(workshop, dispute?.id ?? "", "issfr_1")).toEqual([
    { kind: "payment_disputed", subject: dispute?.id },
    { kind: "payment_disputed", subject: "issfr_1" },
  ]);
  // The sync that was booked has been.
  expect(await stands(workshop, tenantId)).toMatchObject({ status: "active" });
});

test("S40: a dispute that ends the subscription ends access, and says why; that it is lost changes no more", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenantId, customer } = await foundSubscriber(workshop);
  await deliver(workshop, await newestEvent(workshop, "invoice.paid"));
  await workshop.settle();
  const ended = { status: "suspended", access: "none", access_reason: "payment_disputed" };
  const [charge] = (await stripe.charges.list({ customer })).data;
  await workshop.control("settings", { on_dispute: "cancel" });
  await workshop.control(`charges/${charge?.id}/dispute`, {});
  await workshop.control("settings", { on_dispute: "keep" });
  expect(await stands(workshop, tenantId)).toMatchObject({ status: "active", access: "full" });

  const created = await newestEvent(workshop, "charge.dispute.created");
  await deliver(workshop, created);
  await workshop.settle();
  expect(await stands(workshop, tenantId)).toMatchObject(ended);
  const { id: dispute } = created.data.object as Stripe.Dispute;
  await stripe.disputes.close(dispute);
  const closed = await newestEvent(workshop, "charge.dispute.closed");
  expect(closed.data.object).toMatchObject({ id: dispute, status: "lost" });
  await deliver(workshop, closed);
  await workshop.settle();
  expect(await keptEvent(workshop, closed.id)).toMatchObject({
    status: "processed",
    customer_id: customer,
  });
  expect(await stands(workshop, tenantId)).toMatchObject(ended);
  expect(await openAlarms(workshop, dispute)).toEqual([
    { kind: "payment_disputed", subject: dispute },
  ]);
});
