import { MailRefusedError, type Mail } from "../../tasks/mail/mail.ts";
import { sendBillingMail } from "../../tasks/send_billing_mail.ts";
import { stripeSyncCustomer } from "../../tasks/stripe_sync_customer.ts";
import { DAY } from "../support/billing.ts";
import { deliver } from "../support/deliveries.ts";
import { expect } from "../support/index.ts";
import {
  addMembers,
  paidTenant,
  runBooked,
  syncCustomer,
  type PaidTenant,
} from "../support/paid_tenant.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** What was sent since this was last asked. */
const sent = (workshop: Workshop): Mail[] => workshop.mails.splice(0);

async function failRenewal(workshop: Workshop, { customer, subscription }: PaidTenant) {
  await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });
  await workshop.pool.query("select app_private.request_customer_sync($1)", [customer]);
}

function bookedMail({ pool }: Workshop, tenantId: string) {
  return rowOf<{ tenant_id: string; mail_id: string }>(
    pool,
    "select tenant_id, id as mail_id from app_private.billing_mails where tenant_id = $1",
    [tenantId],
  );
}

test("S21: a failed payment is mailed once, though its job runs again after it was done", async ({
  workshop,
}) => {
  const tenant = await paidTenant(workshop);
  expect(sent(workshop)).toEqual([]);
  await failRenewal(workshop, tenant);
  await workshop.settle();
  const mails = sent(workshop);
  expect(mails).toEqual([
    {
      to: expect.stringMatching(/@example\.com$/),
      key: expect.stringMatching(/^billing\.[0-9a-f-]{36}\.[0-9a-f-]{36}$/),
      subject: "The payment for Acme failed",
      text: expect.stringMatching(/USD 49\.00 .* until \d+ \w+ 20\d\d at \d\d:\d\d UTC/),
      html: expect.any(String),
    },
  ]);
  expect(mails[0]?.text).toContain(`https://app.example.com/billing?tenant=${tenant.tenantId}`);

  const payload = await bookedMail(workshop, tenant.tenantId);
  await sendBillingMail(workshop.options)(payload, workshop.helpers);
  await syncCustomer(workshop, tenant.customer);
  expect(sent(workshop)).toEqual([]);
});

test("a mail that was cut off before it was noted comes again under the same Message-ID", async ({
  workshop,
}) => {
  const tenant = await paidTenant(workshop);
  await failRenewal(workshop, tenant);
  const tried: Mail[] = [];
  const mailer = {
    async send(mail: Mail) {
      tried.push(mail);
      // The connection is lost after the server took it: it may or may not have arrived.
      if (tried.length === 1) throw new Error("The mail server did not take the mail: ECONNRESET");
    },
  };
  await workshop.settle({ mailer });
  expect(tried).toHaveLength(2);
  expect(tried[0]?.key).toBe(tried[1]?.key);

  await failRenewal(workshop, tenant);
  await workshop.settle({ mailer: { send: () => Promise.reject(new MailRefusedError("no")) } });
  const { rows } = await workshop.pool.query(
    `select mails.status, deliveries.outcome
    from app_private.billing_mails as mails
    join app_private.billing_mail_deliveries as deliveries on deliveries.mail_id = mails.id
    where mails.tenant_id = $1
    order by mails.booked_at`,
    [tenant.tenantId],
  );
  expect(rows).toEqual([
    { status: "sent", outcome: "sent" },
    { status: "sent", outcome: "refused" },
  ]);
});

test("one mailbox that is out of order keeps the news from nobody else, and the others get it once", async ({
  workshop,
}) => {
  const tenant = await paidTenant(workshop);
  await addMembers(workshop, tenant.tenantId, 2, "owner");
  await addMembers(workshop, tenant.tenantId, 1, "member");
  await failRenewal(workshop, tenant);
  const tried: string[] = [];
  const mailer = {
    async send({ to }: Mail) {
      tried.push(to);
      if (tried.length === 1) throw new Error("The mail server did not take the mail: 451");
    },
  };
  await workshop.settle({ mailer });
  expect(tried).toHaveLength(4);
  expect(new Set(tried).size).toBe(3);
  expect(tried[3]).toBe(tried[0]);
});

test("a payment that was made while the mail waited is not told to have failed", async ({
  workshop,
}) => {
  const { stripe, options, helpers } = workshop;
  const tenant = await paidTenant(workshop);
  await failRenewal(workshop, tenant);
  let tries = 0;
  const mailer = {
    async send() {
      tries += 1;
      const { data } = await stripe.invoices.list({ customer: tenant.customer, status: "open" });
      await stripe.invoices.pay(data[0]?.id ?? "");
      await stripeSyncCustomer(options)({ customer_id: tenant.customer }, helpers);
      throw new Error("The mail server did not take the mail: 451");
    },
  };
  await workshop.settle({ mailer });
  expect(tries).toBe(1);
});

test("those who pay are told that the tenant is suspended, and that it is back", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const tenant = await paidTenant(workshop);
  await stripe.subscriptions.cancel(tenant.subscription);
  await syncCustomer(workshop, tenant.customer);
  await syncCustomer(workshop, tenant.customer);
  expect(sent(workshop).map(({ subject }) => subject)).toEqual(["Acme is suspended"]);

  await subscribe(workshop, tenant, {});
  expect(sent(workshop).map(({ subject }) => subject)).toEqual(["Acme is back"]);
  const states = await rowsOf(
    pool,
    "select kind, status from app_private.billing_mails where tenant_id = $1 order by booked_at",
    [tenant.tenantId],
  );
  expect(states).toEqual([
    { kind: "suspended", status: "sent" },
    { kind: "reactivated", status: "sent" },
  ]);
});

test("S36: a trial that is ended early brings no reminder; one that ends by itself does, once", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await paidTenant(workshop);
  await stripe.subscriptions.cancel(tenant.subscription);
  const trial = await subscribe(workshop, tenant, { trial_end: inDays(10) });
  sent(workshop);
  const { status } = await stripe.subscriptions.update(trial, { trial_end: "now" });
  expect(status).toBe("active");
  // It is announced at once, when nothing is to come any more.
  const { data: told } = await stripe.events.list({ type: "customer.subscription.trial_will_end" });
  expect(told).toMatchObject([{ data: { object: { id: trial } } }]);
  for (const event of told) expect(await deliver(workshop, event)).toBe("pending");
  await workshop.settle();
  await runBooked(workshop, "billing_mail:");
  expect(sent(workshop)).toEqual([]);

  await stripe.subscriptions.cancel(trial);
  await syncCustomer(workshop, tenant.customer);
  sent(workshop);
  await subscribe(workshop, tenant, { trial_end: inDays(2) });
  await syncCustomer(workshop, tenant.customer);
  const subjects = sent(workshop).map(({ subject }) => subject);
  expect(subjects.toSorted()).toEqual(["Acme is back", "The trial of Acme ends soon"]);
});

const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * DAY;

/** A subscription made in the dashboard, on the price that the tenant had. */
async function subscribe(
  workshop: Workshop,
  { customer }: PaidTenant,
  more: { trial_end?: number },
): Promise<string> {
  const { data } = await workshop.stripe.prices.list({ lookup_keys: ["pro_month"] });
  const { data: methods } = await workshop.stripe.paymentMethods.list({ customer });
  const { id } = await workshop.stripe.subscriptions.create({
    customer,
    items: [{ price: data[0]?.id ?? "" }],
    default_payment_method: methods[0]?.id ?? "",
    ...more,
  });
  await syncCustomer(workshop, customer);
  return id;
}
