/** Subscriptions whose invoices are sent, to be paid within some weeks, as agreed in the dashboard. */
import { debtSince, unpaidSince } from "../../tasks/stripe_invoice_truth.ts";
import { DAY } from "../support/billing.ts";
import { expect } from "../support/index.ts";
import { paidTenant } from "../support/synced.ts";
import { test } from "../support/tasks.ts";

test("what may be paid within thirty days is owed from the thirtieth day on, not from the first", async ({
  workshop,
}) => {
  const { customer, subscription } = await paidTenant(workshop);
  await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });
  const { data } = await workshop.stripe.invoices.list({ customer, status: "open" });
  const finalized = data[0]?.status_transitions.finalized_at ?? 0;
  expect(debtSince(subscription, data)).toBe(finalized);
  const sent = data.map((invoice) => ({ ...invoice, due_date: finalized + 30 * DAY }));
  expect(debtSince(subscription, sent)).toBe(finalized + 30 * DAY);
  expect(unpaidSince(subscription, sent)).toBe(finalized + 30 * DAY);
});
