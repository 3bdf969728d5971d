import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { found } from "./shared.ts";

const payment = p.shape({ type: p.oneOf("payment_intent") }, { payment_intent: p.text });
const LIST = {
  ...PAGE,
  created,
  invoice: p.text,
  payment,
  status: p.oneOf("canceled", "open", "paid"),
};

/** The endpoints under /v1/invoice_payments: which intent pays which invoice. */
export const invoicePaymentRoutes = [
  route("GET", "/v1/invoice_payments", { optional: LIST }, (context, params) => {
    const { invoice, status } = params;
    const intent = params.payment?.payment_intent;
    const rows = [...context.store.invoicePayments.values()]
      .filter((row) => invoice === undefined || row.invoice === invoice)
      .filter((row) => status === undefined || row.status === status)
      .filter((row) => intent === undefined || row.payment.payment_intent === intent)
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, "/v1/invoice_payments");
  }),
  route("GET", "/v1/invoice_payments/:id", {}, (context, _params, id) =>
    found(context.store.invoicePayments, "invoice_payment", id),
  ),
];
