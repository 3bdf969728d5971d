/**
 * What db/ says of permissions. The live policies can't say what they have lost, so what they should
 * ask for is read from the source that they were made from.
 */
import { readdir, readFile } from "node:fs/promises";

import type { Command } from "./exceptions.ts";

const DB = new URL("../../db/", import.meta.url);
const POLICY =
  /create policy \w+ on ([\w.]+)\s+for (select|update|delete) to ([\w, ]+?)\s+using([^;]*);/g;
const COMMANDS = { select: "r", update: "w", delete: "d" } as const;

export type NeededPermission = { relation: string; command: Command; permission: string };

/** The permissions that policies of app_user ask for. */
export async function readNeededPermissions(): Promise<NeededPermission[]> {
  const files = (await readdir(DB, { recursive: true })).filter((file) => file.endsWith(".sql"));
  const sources = await Promise.all(files.map((file) => readFile(new URL(file, DB), "utf8")));
  return sources.flatMap((sql) =>
    [...sql.matchAll(POLICY)].flatMap(([, relation = "", command = "", roles = "", body = ""]) => {
      const permission = /has_permission\('([^']+)'\)/.exec(body)?.[1];
      const isCommand = command === "select" || command === "update" || command === "delete";
      if (permission === undefined || !isCommand || !roles.includes("app_user")) return [];
      return [{ relation, command: COMMANDS[command], permission }];
    }),
  );
}
