/** Currencies in which Stripe counts whole units; in all others but the next, hundredths. */
const WHOLE: ReadonlySet<string> = new Set(
  "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" "),
);
/** Currencies in which Stripe counts thousandths. */
const THOUSANDTHS: ReadonlySet<string> = new Set("bhd jod kwd omr tnd".split(" "));

/** An amount in a currency's smallest unit, as Stripe gives it, for a person to read. */
export function moneyOf(amount: number, currency: string): string {
  const digits = WHOLE.has(currency) ? 0 : THOUSANDTHS.has(currency) ? 3 : 2;
  return new Intl.NumberFormat("en", {
    style: "currency",
    currency,
    currencyDisplay: "code",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
    .format(amount / 10 ** digits)
    .replaceAll("\u00a0", " ");
}
