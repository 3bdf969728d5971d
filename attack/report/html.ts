/** The report as one page that needs nothing beside it: no server, no network, no other file. */
import { readFile } from "node:fs/promises";

import type { Attempt } from "../attempt.ts";
import { STANDINGS, standingOf, type Report } from "./summary.ts";

/** The page. Its data are numbers that point into lists of names, or it would be many megabytes. */
export async function htmlOf({ summary, attempts }: Report): Promise<string> {
  const [page, style, script] = await Promise.all(
    ["page.html", "page.css", "page.js"].map((name) =>
      readFile(new URL(name, import.meta.url), "utf8"),
    ),
  );
  const parts: Record<string, string> = {
    "/* style */": style ?? "",
    "/* script */": script ?? "",
    "/* report */": inScript({ summary, standings: STANDINGS, ...compact(attempts) }),
  };
  return (page ?? "").replaceAll(/\/\* (?:style|script|report) \*\//g, (mark) => parts[mark] ?? "");
}

/** Each attempt as [layer, object, actor, verb, standing, code, detail], by number. */
function compact(attempts: readonly Attempt[]) {
  const layers = namesOf();
  const objects = namesOf();
  const actors = namesOf();
  const verbs = namesOf();
  const texts = namesOf();
  const rows = attempts.map((attempt) => [
    layers.numberOf(attempt.layer),
    objects.numberOf(attempt.object),
    actors.numberOf(attempt.actor),
    verbs.numberOf(attempt.verb),
    STANDINGS.indexOf(standingOf(attempt)),
    texts.numberOf(attempt.code ?? ""),
    texts.numberOf(attempt.detail ?? ""),
  ]);
  return {
    layers: layers.names,
    objects: objects.names,
    actors: actors.names,
    verbs: verbs.names,
    texts: texts.names,
    rows,
  };
}

function namesOf() {
  const numbers = new Map<string, number>();
  const names: string[] = [];
  return {
    names,
    numberOf(name: string): number {
      const known = numbers.get(name);
      if (known !== undefined) return known;
      numbers.set(name, names.length);
      return names.push(name) - 1;
    },
  };
}

/** JSON that ends no script element, whatever a detail says. */
function inScript(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}
