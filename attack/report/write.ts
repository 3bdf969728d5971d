/** Puts the report where people and programs find it. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { htmlOf } from "./html.ts";
import type { Report } from "./summary.ts";

/** Writes both forms, making the directories that they go to. */
export async function writeReport(
  report: Report,
  { html, json }: { html: string; json: string },
): Promise<void> {
  await put(json, `${JSON.stringify(report, null, 1)}\n`);
  await put(html, await htmlOf(report));
}

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
