/**
 * What reaches across tenants by design. Each exception was reviewed for the audit, and is read from
 * its rules, so that there is one list; an attack that gets through is a breach unless it is on it.
 */
import { readFile } from "node:fs/promises";

import type { Queryable } from "../fixture/tables.ts";

/** A command as pg_policy writes it: read, add, write, delete. */
export type Command = "r" | "a" | "w" | "d";

export type Exceptions = {
  /** Why a role may reach the rows of any tenant in this relation; undefined when it may not. */
  rows(relation: string, role: string, command: Command): string | undefined;
  /** Why a unique key may span tenants. */
  key(index: string): string | undefined;
  /** Why a function may reach any tenant's rows when a role of the system calls it. */
  call(signature: string, role: string): string | undefined;
};

type Row = { relation: string; role: string; commands: string; expression: string; reason: string };

/** What no rule lists, because the rules look into app_public and app_private alone. */
const BESIDES: readonly (Omit<Row, "relation" | "expression"> & { pattern: RegExp })[] = [
  { pattern: /^graphile_worker\./, role: "app_worker", commands: "*", reason: "works the queue" },
  { pattern: /^auth\./, role: "app_identity", commands: "*", reason: "the identity provider" },
  {
    pattern: /^app_private\.stripe_sync_seq$/,
    role: "app_worker",
    commands: "rw",
    reason: "orders its fetches from Stripe",
  },
  {
    pattern: /^graphile_migrate\.migrations$/,
    role: "rowhouse_server",
    commands: "r",
    reason: "asks how far the database is",
  },
  {
    pattern: /^graphile_migrate\.migrations$/,
    role: "app_worker",
    commands: "r",
    reason: "asks how far the database is",
  },
];

/** Reads the reviewed lists. */
export async function readExceptions(client: Queryable): Promise<Exceptions> {
  const rows = await reviewed<Row>(client, "policy_canonical");
  const keys = await reviewed<{ index: string; reason: string }>(client, "unique_tenant");
  const definers = await reviewed<{ function: string; reason: string }>(client, "definer_pinned");
  const crossing = rows.filter(({ expression }) => expression === "true");
  const covers = ({ commands }: { commands: string }, command: Command) =>
    commands === "*" || commands.includes(command);
  return {
    rows(relation, role, command) {
      const found =
        crossing.find(
          (row) => row.relation === relation && row.role === role && covers(row, command),
        ) ??
        BESIDES.find(
          (one) => one.pattern.test(relation) && one.role === role && covers(one, command),
        );
      return found?.reason;
    },
    key: (index) => keys.find((row) => row.index === index)?.reason,
    call: (signature, role) =>
      definers.find((row) => row.function === signature)?.reason ??
      crossing.find((row) => row.role === role)?.reason,
  };
}

/** The rows of a rule's list: its first query, which is called "reviewed". */
async function reviewed<T extends object>(client: Queryable, rule: string): Promise<T[]> {
  const sql = await readFile(new URL(`../../db/audit/${rule}.sql`, import.meta.url), "utf8");
  const list = /with (reviewed \([^)]*\) as \(\n.*?\n\))/s.exec(sql)?.[1];
  if (list === undefined) throw new Error(`db/audit/${rule}.sql has no list of what was reviewed`);
  const { rows } = await client.query<T>(`with ${list} select * from reviewed`);
  return rows;
}
