/** How much of Stripe's events is made, and how long they are measured. */
export type BillingScale = {
  /** Pairs of slices of `webhooks`, for each size of event. */
  webhookRounds: number;
  /** Events of a slice. */
  webhookEvents: number;
  /** A database for each of these numbers of events that are done with. */
  inboxSizes: readonly number[];
  inboxRounds: number;
  /** The backlog, and whom it is about. */
  drainEvents: number;
  drainCustomers: number;
  /** Times that the same events are handled by both. */
  engineRounds: number;
  engineCustomers: number;
  /** Changes one after another, with nothing else going on. */
  latencyChanges: number;
  /** Seconds for which 200 events come in each of them. */
  latencySeconds: number;
};

export const FULL_BILLING: BillingScale = {
  webhookRounds: 9,
  webhookEvents: 2000,
  inboxSizes: [10_000, 100_000, 1_000_000],
  inboxRounds: 30,
  drainEvents: 100_000,
  drainCustomers: 1_000,
  engineRounds: 3,
  engineCustomers: 200,
  latencyChanges: 200,
  latencySeconds: 10,
};

export const QUICK_BILLING: BillingScale = {
  webhookRounds: 3,
  webhookEvents: 150,
  inboxSizes: [1_000, 10_000],
  inboxRounds: 3,
  drainEvents: 5_000,
  drainCustomers: 50,
  engineRounds: 1,
  engineCustomers: 20,
  latencyChanges: 10,
  latencySeconds: 2,
};
