import { randomUUID } from "node:crypto";

import { Refusal } from "../../server/errors.ts";
import { tenantChanges } from "../../server/tenant_changes.ts";
import type { Notice } from "../../server/tenant_notifications.ts";
import { expect, test } from "../support/index.ts";

const ACME = randomUUID();

/** Notifications that the test sends itself. */
function station() {
  const listeners = new Set<(notice: Notice | undefined) => void>();
  return {
    listeners,
    subscribe(_tenantId: string, hear: (notice: Notice | undefined) => void) {
      listeners.add(hear);
      return () => void listeners.delete(hear);
    },
    send(topic: string, rowId: string = ACME) {
      for (const hear of listeners) hear({ topic, rowId });
    },
  };
}

test("what is notified twice before it is told is told once, and what nobody is told of is not", async () => {
  const { send, ...notifications } = station();
  const changes = tenantChanges(notifications, async () => ACME);
  expect((await changes.next()).value).toEqual({ event: "current", tenantId: ACME, rowId: ACME });
  const request = randomUUID();
  for (const topic of ["membership", "tenant", "tenant", "membership", "tenant"]) send(topic);
  send("billing_request", request);
  expect((await changes.next()).value).toMatchObject({ event: "tenant", rowId: ACME });
  expect((await changes.next()).value).toMatchObject({ event: "billing_request", rowId: request });
  await changes.return?.();
});

test("a subscriber who can't keep up is told to look at everything instead", async () => {
  const { send, ...notifications } = station();
  const changes = tenantChanges(notifications, async () => ACME);
  await changes.next();
  for (let n = 0; n < 10_000; n += 1) send("billing_request", randomUUID());
  expect((await changes.next()).value).toEqual({ event: "current", tenantId: ACME, rowId: ACME });
  send("tenant");
  expect((await changes.next()).value).toMatchObject({ event: "tenant" });
  await changes.return?.();
});

test("a subscription that waits can be ended, and is heard of no more", async () => {
  const notifications = station();
  const changes = tenantChanges(notifications, async () => ACME);
  await changes.next();
  const next = changes.next();
  await changes.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(notifications.listeners.size).toBe(0);
});

test("a database that is away for a moment ends nothing; a refusal does, and another tenant", async () => {
  const notifications = station();
  const answers: (string | Error)[] = [ACME, new Error("Connection terminated"), ACME];
  const changes = tenantChanges(notifications, async () => {
    const answer = answers.shift() ?? new Refusal("TNFND", "No such tenant");
    if (answer instanceof Error) throw answer;
    return answer;
  });
  await changes.next();
  notifications.send("tenant");
  expect((await changes.next()).value).toMatchObject({ event: "tenant" });
  notifications.send("tenant");
  await expect(changes.next()).rejects.toMatchObject({ code: "TNFND" });
  expect(await changes.next()).toEqual({ done: true, value: undefined });
  expect(notifications.listeners.size).toBe(0);

  const tenants = [ACME];
  const moved = tenantChanges(notifications, async () => tenants.shift() ?? randomUUID());
  await moved.next();
  notifications.send("tenant");
  await expect(moved.next()).rejects.toThrow("another tenant");
});
