import type { Store } from "./store.ts";

/** The object with this id, whatever kind it is. */
export function objectWithId(store: Store, id: string): object | undefined {
  const tables = {
    ch: store.charges,
    clock: store.testClocks,
    bpc: store.portalConfigurations,
    bps: store.portalSessions,
    cs: store.checkoutSessions,
    cus: store.customers,
    di: store.discounts,
    promo: store.promotionCodes,
    sub: store.subscriptions,
    ii: store.invoiceItems,
    in: store.invoices,
    inpay: store.invoicePayments,
    pi: store.paymentIntents,
    pm: store.paymentMethods,
    price: store.prices,
    du: store.disputes,
    evt: store.events,
    feat: store.features,
    issfr: store.earlyFraudWarnings,
    re: store.refunds,
    seti: store.setupIntents,
  };
  // A product's id may be the caller's own choice, so its prefix says nothing.
  const prefix = id.slice(0, id.indexOf("_"));
  const table = Object.entries(tables).find(([name]) => name === prefix)?.[1];
  return (
    table?.get(id) ?? store.products.get(id) ?? store.coupons.get(id) ?? store.redeemed.get(id)
  );
}
