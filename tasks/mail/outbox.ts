/** The development outbox: a directory with one file a mail, written by the worker, read by the server. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A mail as it was sent, or would have been. */
export type KeptMail = {
  id: string;
  sentAt: string;
  from: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  /** The same on a mail that was sent twice, because its job was cut off before it could note it. */
  messageId: string;
};

/** What is older than this many mails is dropped. */
export const OUTBOX_MAX = 500;

/** A name starts with the time in microseconds, so that names sort as mails came. */
const FILE = /^\d{16}-[0-9a-f]{8}\.json$/;

/** Adds a mail and drops the oldest when there are too many. */
export async function keepMail(
  directory: string,
  mail: Omit<KeptMail, "id" | "sentAt">,
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const now = performance.timeOrigin + performance.now();
  const id = `${Math.round(now * 1000)}-${randomBytes(4).toString("hex")}`;
  const kept: KeptMail = { id, sentAt: new Date(now).toISOString(), ...mail };
  // Written aside and renamed: whoever reads sees the whole mail or none.
  const path = join(directory, `${id}.json`);
  await writeFile(`${path}.new`, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(`${path}.new`, path);

  const old = (await namesIn(directory)).slice(OUTBOX_MAX);
  await Promise.all(old.map((name) => rm(join(directory, name), { force: true })));
}

/** Every mail that is kept, the newest first. */
export async function readOutbox(directory: string): Promise<KeptMail[]> {
  const names = await namesIn(directory);
  const mails = await Promise.all(names.map((name) => readMail(join(directory, name))));
  return mails.filter((mail) => mail !== undefined);
}

async function namesIn(directory: string): Promise<string[]> {
  const names = (await unlessMissing(readdir(directory))) ?? [];
  return names.filter((name) => FILE.test(name)).toSorted((a, b) => (a < b ? 1 : -1));
}

/** Undefined when it was dropped meanwhile, or is no mail of ours. */
async function readMail(path: string): Promise<KeptMail | undefined> {
  const text = await unlessMissing(readFile(path, "utf8"));
  const mail: unknown = text === undefined ? undefined : JSON.parse(text);
  return isKeptMail(mail) ? mail : undefined;
}

function isKeptMail(value: unknown): value is KeptMail {
  const fields = ["id", "sentAt", "from", "to", "subject", "text", "html", "messageId"];
  return (
    typeof value === "object" &&
    value !== null &&
    fields.every((field) => typeof Reflect.get(value, field) === "string")
  );
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
