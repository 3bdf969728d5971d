import { expect, test } from "vitest";

import { look, press } from "./stripe_hosted.ts";
import { makeIncomplete, startEmulated } from "./stripe_support.ts";

test("an open invoice is paid on its page, after a decline and after the bank has asked", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription } = await makeIncomplete(stripe);
  const [invoice] = (await stripe.invoices.list({ customer: customer.id })).data;
  const url = invoice?.hosted_invoice_url;
  expect((await look(url)).html).toContain("Pay $19.00");
  const declined = await press(url, { step: "pay", card: "pm_card_chargeDeclined" });
  expect([declined.status, declined.html]).toEqual([402, expect.stringContaining("declined")]);

  await press(url, { step: "pay", card: "pm_card_authenticationRequired" });
  expect((await look(url)).html).toContain("3-D Secure");
  expect((await press(url, { step: "authenticate" })).status).toBe(303);
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
  // Paid is paid: another click changes nothing.
  await press(url, { step: "pay", card: "pm_card_chargeDeclined" });
  expect((await look(url)).html).toContain("This invoice is paid");
  const { data } = await stripe.charges.list({ customer: customer.id });
  expect(data.map((each) => each.status)).toEqual(["succeeded", "failed"]);
});

test("a voided invoice has nothing to pay, and one that is unknown has no page", async () => {
  await using emulated = await startEmulated();
  const { stripe, url } = emulated;
  const { customer } = await makeIncomplete(stripe);
  const [invoice] = (await stripe.invoices.list({ customer: customer.id })).data;
  await stripe.invoices.voidInvoice(invoice?.id ?? "");
  await press(invoice?.hosted_invoice_url, { step: "pay", card: "pm_card_visa" });
  expect((await stripe.invoices.retrieve(invoice?.id ?? "")).status).toBe("void");
  expect((await look(`${url}/i/in_none`)).status).toBe(404);
});
