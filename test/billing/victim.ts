/**
 * A process to be killed: the tasks, or what receives webhooks, with nothing around them whose
 * statements would come at any time. It boots, says so, and begins when it is told by how to reach
 * the database and Stripe.
 */
import { once } from "node:events";

import { Logger, run } from "graphile-worker";
import { pino } from "pino";

import { makePool } from "../../server/database.ts";
import { makeTaskList } from "../../tasks/index.ts";
import { guardTasks } from "../../tasks/job_guard.ts";
import type { Mailer } from "../../tasks/mail/mail.ts";
import { makeStripe } from "../../tasks/stripe_client.ts";
import { startReceiver } from "./receiver.ts";

/** What a victim is told. */
export type Orders =
  | { role: "worker"; databaseUrl: string; stripeUrl: string }
  | { role: "receiver"; databaseUrl: string; secret: string };

if (process.send !== undefined) {
  process.on("disconnect", () => process.exit());
  process.send("booted");
  const [orders] = (await once(process, "message")) as [Orders];
  process.send(await begin(orders));
}

/** Begins, and returns the URL for webhooks, if it takes them. */
async function begin(orders: Orders): Promise<string> {
  if (orders.role === "receiver") return (await startReceiver(orders)).url;
  const logger = pino({ level: "silent" });
  const pool = makePool({
    connectionString: orders.databaseUrl,
    applicationName: "victim-worker",
    role: "app_worker",
    logger,
    max: 4,
  });
  const access = {
    secretKey: "sk_test_victim",
    apiBase: new URL(orders.stripeUrl),
    // The budget's statements are boundaries; that it runs out would be another way.
    callsPerSecond: 1000,
  };
  await run({
    pgPool: pool,
    concurrency: 1,
    pollInterval: 50,
    noHandleSignals: true,
    logger: new Logger(() => () => undefined),
    taskList: guardTasks(
      makeTaskList({
        stripe: makeStripe(access, { pool, logger }),
        configuredPrices: {},
        gracePeriodDays: 14,
        ours: { livemode: false, accountId: undefined },
        webhookUrl: "https://app.example.com/webhooks/stripe",
        mailer: { send: postMail(orders.stripeUrl) },
        appUrl: "https://app.example.com",
      }),
    ),
  });
  return "";
}

/** A mail leaves by the same way as the calls to Stripe, so that it is a boundary too. */
function postMail(url: string): Mailer["send"] {
  return async function send({ key, to }) {
    const response = await fetch(new URL("/mails", url), {
      method: "POST",
      body: JSON.stringify({ key, to }),
    });
    if (!response.ok) throw new Error(`The mail was answered ${response.status}`);
  };
}
