/** Finds what belongs to B in whatever reaches A. */
import type { House } from "../fixture/plant.ts";

/** What of B's an answer tells, apart from what the question itself said; undefined if nothing. */
export type Telltale = (answer: string, question: string) => string | undefined;

/** Looks for B's canary in any spelling, for its ids and for its numbers. */
export function telltaleOf(b: House): Telltale {
  const hex = (text: string) => Buffer.from(text).toString("hex");
  const plain = b.canary.replaceAll("-", "");
  const spellings = [b.canary, plain, b.canary.replaceAll("-", "_"), hex(b.canary)];
  const words = spellings.map((spelling) => `${spelling}[\\w@.-]*`);
  const ids = [...idsOf(b)];
  const pattern = new RegExp(
    [...words, ...ids, ...b.numbers.map((number) => `(?<![\\w.:-])${number}(?![\\w:-])`)].join("|"),
    "gi",
  );
  return (answer, question) => {
    for (const [found] of answer.matchAll(pattern)) {
      if (!question.includes(found)) return found;
    }
    return undefined;
  };
}

/** Every uuid of B's rows. (Those of plans and the like are texts.) */
function idsOf(b: House): Set<string> {
  const ids = new Set<string>([b.tenantId]);
  const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
  for (const rows of b.rows.values()) {
    for (const [id] of JSON.stringify(rows).matchAll(uuid)) ids.add(id);
  }
  return ids;
}
