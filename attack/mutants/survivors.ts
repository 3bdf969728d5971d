/**
 * Faults that neither the audit nor the attack notices, and why each is harmless. An entry here is a
 * promise that was thought about; a fault that survives without one makes the mutation tests red,
 * and so does an entry whose faults are noticed by now.
 */
import { CODE_SURVIVORS } from "./code_survivors.ts";
import { nameOf } from "./mutant.ts";
import type { Fate } from "./run.ts";

export type Survivor = { mutant: RegExp; reason: string };

/** Whole kinds of faults. What a function no longer asks is listed line by line, in code_survivors.ts. */
export const SURVIVORS: readonly Survivor[] = [
  {
    mutant:
      /^policy (app_private\.usage_records: select_member|(app_private\.billing_intents|app_public\.billing_accounts): select_definer|app_public\.plan_prices: update_worker|app_private\.meter_events: insert_tenant|app_private\.seat_changes: select_definer|app_private\.stripe_pauses: update_worker|app_public\.(memberships|billing_requests): (update|delete)_definer|app_public\.tenants: update_definer|auth\.jwks: all_identity) dropped$/,
    reason:
      "Without its policy a table gives and takes nothing: it shuts, and opens nothing. The audit " +
      "warns of it (policy_missing).",
  },
  {
    mutant: /^policy app_private\.meter_events: insert_tenant for all commands$/,
    reason:
      "It lets through no more than the tenant that may be written, and app_definer holds no right " +
      "there but to insert.",
  },
  {
    mutant: /^grant app_public\.billing_accounts: select to app_user$/,
    reason: "app_user may read each of its columns already, and the policy binds the rows.",
  },
  {
    mutant: /^grant app_public\.billing_requests: select to app_user$/,
    reason:
      "It adds how often a request of the tenant's own was asked of Stripe under new keys; the policy " +
      "binds the rows.",
  },
  {
    mutant: /^function app_private\.\w+\(.*\): executed by (app_user|app_anonymous)$/,
    reason:
      "It runs with its caller's own rights, so what the caller may not reach it does not reach; " +
      "another caller of a security-definer function is an error of the audit (definer_callers).",
  },
  {
    mutant: /^foreign key .*_fkey dropped$/,
    reason:
      "A row may point nowhere, but no further than its tenant: nothing follows a key that is not " +
      "there. The audit warns of it (tenant_reference).",
  },
  {
    mutant:
      /^trigger (.*: _900_notify|auth\.users: (_050_unverify|_100_mirror)|app_public\.(projects|tasks): _900_audit) dropped$/,
    reason:
      "What the trigger writes or tells of is no longer: the tests of test/db/35_audit_log, " +
      "test/db/10_identity and test/db/30_tenancy go red. (Where people and rights are kept, a lost " +
      "_900_audit is an error of the audit.)",
  },
  {
    mutant: /^trigger .*: _500_(book_\w+|sync_seats|report|withdraw_closed) dropped$/,
    reason:
      "A mail, a change of seats, a report of usage or a withdrawal is not booked: the tests of " +
      "test/db/60_billing_mails, test/db/50_billing/seats, test/tasks/report_usage and " +
      "test/tasks/withdrawal went red for each.",
  },
  {
    mutant: /^trigger app_public\.tenants: _510_withdraw_deleted dropped$/,
    reason: "What a deleted tenant had at Stripe stays there: test/tasks/withdrawal went red.",
  },
  {
    mutant:
      /^trigger app_public\.(tenants: _100_note_closing|invoices: _5[12]0_tell_paid_after_closing) dropped$/,
    reason:
      "The operator is not told of a closed tenant's payment: test/tasks/paid_after_closing went red " +
      "for each.",
  },
];

/** Why a fault is harmless; undefined when nobody said so. */
export function reasonFor(mutant: Fate["mutant"]): string | undefined {
  const name = nameOf(mutant);
  return (
    SURVIVORS.find((survivor) => survivor.mutant.test(name))?.reason ??
    CODE_SURVIVORS.find(({ mutants }) => mutants.includes(name))?.reason
  );
}

/** Faults that survived and are not on the list. */
export function unexplained(fates: readonly Fate[]): string[] {
  return fates
    .filter(({ fate, mutant }) => fate === "survived" && reasonFor(mutant) === undefined)
    .map(({ mutant }) => nameOf(mutant));
}

/** Entries of the list that no survivor needs, after all faults were built. */
export function outdated(fates: readonly Fate[]): string[] {
  const survived = fates
    .filter(({ fate }) => fate === "survived")
    .map(({ mutant }) => nameOf(mutant));
  return [
    ...SURVIVORS.filter(({ mutant }) => !survived.some((name) => mutant.test(name))).map(
      ({ mutant }) => String(mutant),
    ),
    ...CODE_SURVIVORS.flatMap(({ mutants }) => mutants.filter((name) => !survived.includes(name))),
  ];
}
