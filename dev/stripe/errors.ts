import type { Stripe } from "stripe";

type ErrorBody = {
  type: "invalid_request_error" | "card_error" | "idempotency_error" | "api_error";
  message: string;
  code?: string;
  param?: string;
  doc_url?: string;
  decline_code?: string;
  payment_intent?: Stripe.PaymentIntent;
  payment_method?: Stripe.PaymentMethod;
  setup_intent?: Stripe.SetupIntent;
};

/** An answer other than 200, as Stripe words it. Thrown anywhere below a route. */
export class StripeError extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  /** Whether the answer is kept under the request's idempotency key: only once work had begun. */
  readonly kept: boolean;

  constructor(status: number, body: ErrorBody, kept = false) {
    super(body.message);
    this.status = status;
    this.body = body.code === undefined ? body : { ...body, doc_url: docUrl(body.code) };
    this.kept = kept;
  }
}

function docUrl(code: string): string {
  return `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}`;
}

/** A parameter is of the wrong kind, or not among the values allowed. */
export function invalidParameter(param: string, message: string, code?: string): StripeError {
  const body: ErrorBody = { type: "invalid_request_error", message, param };
  return new StripeError(400, code === undefined ? body : { ...body, code });
}

/** A parameter that this endpoint does not know. */
export function unknownParameter(param: string): StripeError {
  return invalidParameter(param, `Received unknown parameter: ${param}`, "parameter_unknown");
}

/** A parameter that must be there and is not. */
export function missingParameter(param: string): StripeError {
  return invalidParameter(param, `Missing required param: ${param}.`, "parameter_missing");
}

/** There is no object of this kind and id: 404 for the path's own id, 400 for one in a parameter. */
export function missingResource(kind: string, id: string, param = "id"): StripeError {
  const message = `No such ${kind}: '${id}'`;
  const status = param === "id" ? 404 : 400;
  return new StripeError(status, {
    type: "invalid_request_error",
    code: "resource_missing",
    message,
    param,
  });
}

/** The request is well formed, but the object is not in a state that allows it. */
export function stateError(message: string, code?: string): StripeError {
  const body: ErrorBody = { type: "invalid_request_error", message };
  return new StripeError(400, code === undefined ? body : { ...body, code }, true);
}

/** A payment that the card's issuer refused. */
export function cardError(details: Omit<ErrorBody, "type">): StripeError {
  return new StripeError(402, { type: "card_error", ...details }, true);
}

/** What a Stripe that broke down answers. */
export function serverError(kept: boolean): StripeError {
  const message =
    "An unknown error occurred. The emulator was told to fail, or has a fault itself.";
  return new StripeError(500, { type: "api_error", message }, kept);
}

/** Refused before any work, to be asked again later. */
export function tooMany(code: "rate_limit" | "lock_timeout", message: string): StripeError {
  return new StripeError(429, { type: "invalid_request_error", code, message });
}
