/** A part of a benchmark in a process of its own: fork it, tell it what to be, wait until it is. */
import { fork } from "node:child_process";
import { once } from "node:events";

type Answer<Ready> = { error: string } | { ready: Ready };
/** What a forked process answers to any message once it is ready. */
type CpuAnswer = { cpuMs: number };

/** Gone when it is disposed of. */
export type Forked<Ready = undefined> = AsyncDisposable & {
  /** What it said when it was ready. */
  ready: Ready;
  /** Milliseconds of CPU that it has used since it began. */
  cpuMs(): Promise<number>;
};

const READY_MS = 30_000;
const STOP_MS = 5_000;

/** Runs a file that obeys its parent; rejects with its reason when it can't do as ordered. */
export async function forkFile<Ready>(
  file: string,
  name: string,
  order: object,
): Promise<Forked<Ready>> {
  const child = fork(file, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const exited = once(child, "exit");
  async function stop(): Promise<void> {
    // It ends when nobody is left who gives orders.
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await exited;
    clearTimeout(timer);
  }

  try {
    const { promise: answered, resolve: answer } = Promise.withResolvers<Answer<Ready>>();
    child.once("message", answer);
    child.once("exit", (code) => answer({ error: `it ended with ${code}` }));
    const timer = setTimeout(() => answer({ error: "it was not ready in time" }), READY_MS);
    child.send(order);
    const said = await answered;
    clearTimeout(timer);
    if ("error" in said) throw new Error(`The process (${name}): ${said.error}`);
    return {
      ready: said.ready,
      cpuMs() {
        const { promise, resolve, reject } = Promise.withResolvers<number>();
        child.once("message", ({ cpuMs }: CpuAnswer) => resolve(cpuMs));
        void exited.then(() => reject(new Error(`The process (${name}) is gone`)));
        child.send("cpu", (failure) => {
          if (failure !== null) reject(failure);
        });
        return promise;
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The other side of `forkFile`: becomes what is ordered, and ends with whoever ordered it. */
export async function obeyParent<Order>(become: Becoming<Order>): Promise<void> {
  // However who gave the orders ended. There is nothing here that would have to be finished.
  process.once("disconnect", () => process.exit());
  const [order]: Order[] = await once(process, "message");
  if (order !== undefined) await obey(become(order));
}

type Becoming<Order> = (order: Order) => Promise<unknown>;

async function obey(becoming: Promise<unknown>): Promise<void> {
  try {
    const ready = await becoming;
    process.on("message", () => {
      const { user, system } = process.cpuUsage();
      process.send?.({ cpuMs: (user + system) / 1000 } satisfies CpuAnswer);
    });
    process.send?.({ ready } satisfies Answer<unknown>);
  } catch (error) {
    process.send?.({ error: String(error) } satisfies Answer<unknown>);
  }
}
