import { urlFor } from "../../dev/bootstrap.ts";
import { expect, test, waitUntil, withClient } from "../support/index.ts";
import { withSystem } from "../support/system.ts";

test("a server is alive whatever befalls the database, and ready only while it is there", async ({
  database,
}) => {
  const ask = async (url: string) => {
    const response = await fetch(url);
    return { status: response.status, body: await response.json() };
  };
  const ready = { status: 200, body: { status: "ok", failing: [] } };

  await withSystem(database, { worker: false }, async ({ url }) => {
    expect(await ask(`${url}/healthz`)).toEqual({ status: 200, body: { status: "ok" } });
    expect(await ask(`${url}/readyz`)).toEqual(ready);

    await withClient(urlFor(database.urls.superuser, "postgres"), async (admin) => {
      await admin.query(`alter database ${database.name} allow_connections false`);
      await admin.query(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1",
        [database.name],
      );
      expect(await ask(`${url}/readyz`)).toEqual({
        status: 503,
        body: { status: "unavailable", failing: expect.arrayContaining(["database"]) },
      });
      expect(await ask(`${url}/healthz`)).toEqual({ status: 200, body: { status: "ok" } });

      await admin.query(`alter database ${database.name} allow_connections true`);
    });
    await waitUntil(async () => (await ask(`${url}/readyz`)).status === 200, {
      deadlineMs: 15_000,
    });
    expect(await ask(`${url}/readyz`)).toEqual(ready);
  });
});
