import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../dev/postgres.ts";
import { test } from "../support/home.ts";
import { expect, withClient } from "../support/index.ts";

const password = "p%ss w:rd/@";

function start(directory: string, port = 0): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ directory: join(directory, "data"), port, password });
}

test("a new server is the same on every machine and open to this one alone", async ({
  scratch,
}) => {
  await using server = await start(scratch);
  await withClient(server.superuserUrl(), async (client) => {
    const { rows } = await client.query(`
      select
        current_setting('server_encoding') as encoding, datlocprovider as provider,
        datlocale as locale, current_setting('timezone') as zone,
        current_setting('listen_addresses') as addresses,
        current_setting('unix_socket_directories') as sockets,
        (select array_agg(distinct auth_method) from pg_hba_file_rules) as methods
      from pg_database where datname = 'template1'
    `);
    expect(rows).toEqual([
      {
        encoding: "UTF8",
        provider: "b",
        locale: "C.UTF-8",
        zone: "UTC",
        addresses: "127.0.0.1",
        sockets: "",
        methods: ["scram-sha-256"],
      },
    ]);
  });
  const wrong = server.superuserUrl().replace("p%25ss", "pass");
  await expect(withClient(wrong, async () => {})).rejects.toMatchObject({ code: "28P01" });
});

test("data survives a restart, and stopping twice does no harm", async ({ scratch }) => {
  const first = await start(scratch);
  await withClient(first.superuserUrl(), (client) => client.query("create table kept ()"));
  await Promise.all([first.stop(), first.stop()]);
  await first.stop();

  await using second = await start(scratch);
  await withClient(second.superuserUrl(), async (client) => {
    const { rows } = await client.query("select to_regclass('kept')::text as name");
    expect(rows).toEqual([{ name: "kept" }]);
  });
});

test("a taken port is named, with the way out", async ({ scratch }) => {
  const taken = createServer();
  await new Promise<void>((listening) => taken.listen(0, "127.0.0.1", listening));
  const address = taken.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  try {
    await expect(start(scratch, port)).rejects.toMatchObject({
      name: "OperatorError",
      message: `Port ${port} is in use. Stop what listens there or set EMBEDDED_POSTGRES_PORT.`,
    });
  } finally {
    taken.close();
  }
});

test("what a killed initdb left is cleared away", async ({ quick }) => {
  await mkdir(join(quick, "data.new-abc123", "base"), { recursive: true });
  await writeFile(join(quick, "data.new-abc123.password"), password);
  await using server = await start(quick);
  expect(server.port).toBeGreaterThan(0);
  expect(await readdir(quick)).toEqual(["data"]);
});

test("a directory of something else is left alone", async ({ quick }) => {
  await mkdir(join(quick, "data"));
  await writeFile(join(quick, "data", "thesis.txt"), "");
  await expect(start(quick)).rejects.toThrow(/data is not empty and holds no database\. Move/);
  expect(await readdir(join(quick, "data"))).toEqual(["thesis.txt"]);
});

test("data of another major version is refused in one line", async ({ scratch }) => {
  // The last test of this file: the directory is of no use after it.
  await writeFile(join(scratch, "data", "PG_VERSION"), "17\n");
  const error: unknown = await start(scratch).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "OperatorError" });
  expect(String(error)).toMatch(/initialized by PostgreSQL version 17.* Move it away/);
  expect(String(error)).not.toContain("\n");
});
