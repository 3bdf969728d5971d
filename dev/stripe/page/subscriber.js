import { stripe } from "./calls.js";

/** Makes a customer with a subscription, whose first invoice waits to be paid unless there is a trial. */
export async function subscribe({ name, dollars, interval, trial }) {
  const product = await stripe("POST", "products", { name: `Plan of ${name}` });
  const price =
    product &&
    (await stripe("POST", "prices", {
      product: product.id,
      currency: "usd",
      unit_amount: Math.round(dollars * 100),
      "recurring[interval]": interval,
    }));
  const customer = price && (await stripe("POST", "customers", { name }));
  if (customer === undefined) return;
  await stripe("POST", "subscriptions", {
    customer: customer.id,
    "items[0][price]": price.id,
    payment_behavior: "default_incomplete",
    "payment_settings[save_default_payment_method]": "on_subscription",
    ...(trial > 0 ? { trial_period_days: trial } : {}),
  });
}
