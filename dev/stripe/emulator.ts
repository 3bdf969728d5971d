import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { makeChaos } from "./chaos.ts";
import { makeClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { NO_REQUEST } from "./context.ts";
import { contextFor } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { faultFrom, makeFaults } from "./faults.ts";
import { makeApp } from "./http.ts";
import type { Observer } from "./observer.ts";
import { loadStore, makeSaver } from "./persistence.ts";
import { makeRateLimits } from "./rate_limits.ts";
import { finishAdvancing } from "./resources/test_clocks.ts";
import { configureEndpoint } from "./resources/webhook_endpoints.ts";
import { forgetOldEvents } from "./retention.ts";
import { runDue } from "./schedule.ts";
import { emptyStore } from "./store.ts";
import type { Store } from "./store.ts";
import { Webhooks } from "./webhooks.ts";

/** How the emulator is started. */
export type StripeEmulatorOptions = {
  /** 0 for any free port. */
  port: number;
  /** 127.0.0.1 unless given. */
  host?: string;
  /** Where signed events are posted. */
  webhook?: { url: string; secret: string };
  /** Where the state is kept; in memory only when absent. */
  stateFile?: string;
  /** Is told of every call and event. */
  observer?: Observer;
  /** Mischief from the start: what `POST /_emulator/chaos` takes. */
  chaos?: Readonly<Record<string, string | number>>;
  /** Failures planned from the start: what `POST /_emulator/faults` takes, each. */
  faults?: readonly Readonly<Record<string, string | number>>[];
  /** Gets a line for a person when the emulator turns hostile. */
  log?: (line: string) => void;
};

/** A running emulator. */
export type StripeEmulator = {
  url: string;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** How often the emulator looks for what has fallen due by itself, such as a trial's end. */
const TICK_MS = 5_000;

/** Starts an emulator of Stripe. Rejects with code EADDRINUSE if the port is taken. */
export async function startStripeEmulator(options: StripeEmulatorOptions): Promise<StripeEmulator> {
  const clock = makeClock();
  const { stateFile } = options;
  const store = stateFile === undefined ? emptyStore() : await loadStore(stateFile, clock);
  const saver = stateFile === undefined ? null : makeSaver(stateFile, store, clock);
  const engine = makeEngine(store, clock, () => saver?.touch(), options);
  const server = http.createServer(makeApp(engine));
  const host = options.host ?? "127.0.0.1";
  await listen(server, options.port, host).catch((error: unknown) => {
    engine.webhooks.close();
    throw error;
  });
  engine.site = urlOf(server, host);
  engine.webhooks.reload();
  // A clock that was on its way when the process ended gets there now.
  finishAdvancing(contextFor(engine, NO_REQUEST));
  const ticking = setInterval(() => tick(engine), TICK_MS).unref();

  async function close(): Promise<void> {
    clearInterval(ticking);
    const closed = server.listening ? once(server, "close") : Promise.resolve();
    server.close();
    server.closeAllConnections();
    await closed;
    engine.webhooks.close();
    await saver?.flush();
  }

  return { url: engine.site, close, [Symbol.asyncDispose]: close };
}

function makeEngine(
  store: Store,
  clock: Clock,
  touch: () => void,
  options: StripeEmulatorOptions,
): Engine {
  const { webhook, observer, chaos: mischief = {}, log = () => undefined } = options;
  const chaos = makeChaos(mischief);
  // A seed that was drawn now is that of every reset, too.
  const atStart = chaos.settings();
  if (Object.keys(mischief).length > 0) log(`Webhooks suffer ${JSON.stringify(atStart)}`);
  const rateLimits = makeRateLimits();
  const webhooks = new Webhooks({ store, chaos, clock, touch });
  const faults = makeFaults(
    options.faults?.map((fault, index) => faultFrom(fault, `faults[${index}]`)),
  );
  if (faults.planned().length > 0) log(`Calls fail: ${JSON.stringify(faults.planned())}`);
  configureEndpoint(store, clock, webhook);

  function reset(): void {
    for (const table of Object.values(store)) table.clear();
    clock.setOffset(0);
    faults.reset();
    chaos.set(atStart);
    rateLimits.set("off");
    webhooks.setMode("deliver");
    configureEndpoint(store, clock, webhook);
    webhooks.reload();
    touch();
  }

  return {
    store,
    clock,
    faults,
    webhooks,
    chaos,
    rateLimits,
    log,
    observer,
    site: "",
    touch,
    reset,
  };
}

function tick(engine: Engine): void {
  const steps = runDue(contextFor(engine, NO_REQUEST), engine.clock.now());
  forgetOldEvents(engine.store, engine.clock.now());
  if (steps > 0) engine.touch();
}

function listen(server: http.Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function urlOf(server: http.Server, host: string): string {
  const { port }: AddressInfo = addressOf(server);
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function addressOf(server: http.Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on TCP");
  return address;
}
