import type { Stripe } from "stripe";

import type { Decline } from "./test_cards.ts";

/** A bank account whose debits take days, and how they end. */
type TestDebit = { decline?: Decline };

/** Stripe's test accounts, by their number: https://docs.stripe.com/payments/ach-direct-debit */
export const TEST_DEBITS: ReadonlyMap<string, TestDebit> = new Map([
  ["000123456789", {}],
  [
    "000222222227",
    {
      decline: {
        code: "payment_intent_payment_attempt_failed",
        decline_code: "insufficient_funds",
        message: "The customer's account has insufficient funds to cover this payment.",
      },
    },
  ],
  [
    "000111111113",
    {
      decline: {
        code: "payment_intent_payment_attempt_failed",
        decline_code: "account_closed",
        message: "The customer's bank account has been closed.",
      },
    },
  ],
]);

/** How long a bank takes. */
export const DEBIT_TAKES = 4 * 86_400;

/** The part of a payment method that tells of such an account. */
export function accountDetails(number: string): Stripe.PaymentMethod.UsBankAccount {
  return {
    account_holder_type: "company",
    account_type: "checking",
    bank_name: "STRIPE TEST BANK",
    financial_connections_account: null,
    fingerprint: `fp${number}`,
    last4: number.slice(-4),
    networks: { preferred: "ach", supported: ["ach"] },
    routing_number: "110000000",
    status_details: null,
  };
}
