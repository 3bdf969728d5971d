import type { Stripe } from "stripe";

/** How a refused charge is explained. */
export type Decline = { code: string; decline_code?: string; message: string };

/** How a test card behaves, by its number. */
export type TestCard = {
  brand: string;
  /** Refused whenever it is charged, and when it is attached to a customer. */
  decline?: Decline;
  /** Refused only when it is charged without the customer being there. */
  offSessionDecline?: Decline;
  /** The customer must confirm each payment. */
  needsAuthentication?: true;
  /** Once it has been set up, its payments go through. */
  authenticatesOnce?: true;
  /** Its charges succeed and are then disputed. */
  isDisputed?: true;
};

const declined = (decline_code: string, message = "Your card was declined."): Decline => ({
  code: "card_declined",
  decline_code,
  message,
});

export const GENERIC_DECLINE = declined("generic_decline");

/** Stripe's test cards: https://docs.stripe.com/testing */
export const TEST_CARDS: ReadonlyMap<string, TestCard> = new Map([
  ["4242424242424242", { brand: "visa" }],
  ["4000056655665556", { brand: "visa" }],
  ["5555555555554444", { brand: "mastercard" }],
  ["378282246310005", { brand: "amex" }],
  ["4000000000000002", { brand: "visa", decline: GENERIC_DECLINE }],
  [
    "4000000000009995",
    {
      brand: "visa",
      decline: declined("insufficient_funds", "Your card has insufficient funds."),
    },
  ],
  ["4000000000009987", { brand: "visa", decline: declined("lost_card") }],
  [
    "4000000000000069",
    { brand: "visa", decline: { code: "expired_card", message: "Your card has expired." } },
  ],
  [
    "4000000000000127",
    {
      brand: "visa",
      decline: { code: "incorrect_cvc", message: "Your card's security code is incorrect." },
    },
  ],
  [
    "4000000000000119",
    {
      brand: "visa",
      decline: {
        code: "processing_error",
        message: "An error occurred while processing your card. Try again in a little bit.",
      },
    },
  ],
  ["4000000000000259", { brand: "visa", isDisputed: true }],
  ["4000000000000341", { brand: "visa", offSessionDecline: GENERIC_DECLINE }],
  ["4000002500003155", { brand: "visa", needsAuthentication: true, authenticatesOnce: true }],
  ["4000002760003184", { brand: "visa", needsAuthentication: true }],
]);

/** The payment methods that every test account has; each use makes a new one with that card or account. */
export const STATIC_METHODS: ReadonlyMap<string, string> = new Map([
  ["pm_card_visa", "4242424242424242"],
  ["pm_card_visa_debit", "4000056655665556"],
  ["pm_card_mastercard", "5555555555554444"],
  ["pm_card_amex", "378282246310005"],
  ["pm_card_chargeDeclined", "4000000000000002"],
  ["pm_card_visa_chargeDeclined", "4000000000000002"],
  ["pm_card_chargeDeclinedInsufficientFunds", "4000000000009995"],
  ["pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995"],
  ["pm_card_visa_chargeDeclinedLostCard", "4000000000009987"],
  ["pm_card_chargeDeclinedExpiredCard", "4000000000000069"],
  ["pm_card_chargeDeclinedIncorrectCvc", "4000000000000127"],
  ["pm_card_chargeDeclinedProcessingError", "4000000000000119"],
  ["pm_card_chargeCustomerFail", "4000000000000341"],
  ["pm_card_authenticationRequired", "4000002760003184"],
  ["pm_card_authenticationRequiredOnSetup", "4000002500003155"],
  ["pm_card_createDispute", "4000000000000259"],
  ["pm_usBankAccount_success", "000123456789"],
  ["pm_usBankAccount_insufficientFunds", "000222222227"],
  ["pm_usBankAccount_accountClosed", "000111111113"],
]);

/** The card part of a payment method with this number. */
export function cardDetails(
  number: string,
  expiry: { month: number; year: number },
): Stripe.PaymentMethod.Card {
  const brand = TEST_CARDS.get(number)?.brand ?? "visa";
  return {
    brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" },
    country: "US",
    display_brand: brand,
    exp_month: expiry.month,
    exp_year: expiry.year,
    fingerprint: `fp${number.slice(-12)}`,
    funding: number === "4000056655665556" ? "debit" : "credit",
    generated_from: null,
    last4: number.slice(-4),
    networks: { available: [brand], preferred: null },
    regulated_status: "unregulated",
    three_d_secure_usage: { supported: true },
    wallet: null,
  };
}
