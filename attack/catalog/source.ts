/**
 * What db/ says of permissions. The live policies can't say what they have lost, so what they should
 * ask for is read from the source that they were made from.
 */
import { readdir, readFile } from "node:fs/promises";

import type { Command } from "./exceptions.ts";

const DB = new URL("../../db/", import.meta.url);
const POLICY =
  /create policy \w+ on ([\w.]+)\s+for (select|update|delete) to ([\w, ]+?)\s+using([^;]*);/g;
const COMMANDS = new Map<string, Command>([
  ["select", "r"],
  ["update", "w"],
  ["delete", "d"],
]);

/** What db/ says of policies of app_user. */
export type Source = {
  needed: readonly NeededPermission[];
  /** Tables whose rows nobody reads while the tenant is suspended. */
  suspending: ReadonlySet<string>;
};

export type NeededPermission = { relation: string; command: Command; permission: string };

/** Reads the policies' source. */
export async function readSource(): Promise<Source> {
  const files = (await readdir(DB, { recursive: true })).filter((file) => file.endsWith(".sql"));
  const sources = await Promise.all(files.map((file) => readFile(new URL(file, DB), "utf8")));
  const needed: NeededPermission[] = [];
  const suspending = new Set<string>();
  for (const sql of sources) {
    for (const [, relation = "", command = "", roles = "", body = ""] of sql.matchAll(POLICY)) {
      const known = COMMANDS.get(command);
      if (known === undefined || !roles.includes("app_user")) continue;
      const permission = /has_permission\('([^']+)'\)/.exec(body)?.[1];
      if (permission !== undefined) needed.push({ relation, command: known, permission });
      if (known === "r" && body.includes("current_tenant_id")) suspending.add(relation);
    }
  }
  return { needed, suspending };
}
