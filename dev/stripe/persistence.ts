import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import type { Clock } from "./clock.ts";
import { isRecord } from "./params.ts";
import { emptyStore } from "./store.ts";
import type { Store } from "./store.ts";

/** Keeps the store in a file. */
export type Saver = {
  /** Says that the store changed: it will be on disk within a tenth of a second or so. */
  touch(): void;
  /** Writes what is not written yet. */
  flush(): Promise<void>;
};

const DELAY_MS = 80;
/** A large store is written less often, so that writing takes at most a tenth of the time. */
const REST_FACTOR = 9;

/** Writes `store` to `file` after each touch, by a temporary file and a rename. */
export function makeSaver(file: string, store: Store, clock: Clock): Saver {
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let restMs = DELAY_MS;

  async function write(): Promise<void> {
    const startedAt = performance.now();
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.tmp`, serialize(store, clock));
    await rename(`${file}.tmp`, file);
    restMs = Math.max(DELAY_MS, (performance.now() - startedAt) * REST_FACTOR);
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.catch(() => undefined).then(write);
    await writing;
  }

  function touch(): void {
    timer ??= setTimeout(() => {
      flush().catch((error: unknown) => {
        process.emitWarning(`The Stripe emulator could not write ${file}: ${String(error)}`);
      });
    }, restMs);
  }

  return { touch, flush };
}

function serialize(store: Store, clock: Clock): string {
  const tables = Object.entries(store).map(([name, table]) => [name, [...table]]);
  return JSON.stringify({ version: 1, clockOffset: clock.offset(), ...Object.fromEntries(tables) });
}

/** The store in `file`, or an empty one if there is no such file; sets the clock as it was. */
export async function loadStore(file: string, clock: Clock): Promise<Store> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  const store = emptyStore();
  if (text === null) return store;
  const saved = parse(text, file);
  clock.setOffset(Number(saved["clockOffset"] ?? 0));
  for (const [name, table] of Object.entries(store)) fill(table, saved[name]);
  forgetUnfinished(store);
  return store;
}

function parse(text: string, file: string): Record<string, unknown> {
  const refusal = `${file} was not written by this version of the Stripe emulator; delete it`;
  try {
    const saved: unknown = JSON.parse(text);
    if (isRecord(saved) && saved["version"] === 1) return saved;
  } catch (cause) {
    throw new Error(refusal, { cause });
  }
  throw new Error(refusal);
}

/** The file is our own, written by `serialize`, so its rows are what the table holds. */
function fill(table: Map<string, unknown>, rows: unknown): void {
  if (!Array.isArray(rows)) return;
  for (const row of rows) {
    if (Array.isArray(row) && typeof row[0] === "string") table.set(row[0], row[1]);
  }
}

/** A request that ran when the process died will never answer: its key is free again. */
function forgetUnfinished(store: Store): void {
  for (const saved of store.answers.values()) {
    if (saved.answer === null) store.answers.delete(saved.key);
  }
}
