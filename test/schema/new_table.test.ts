/** npm run new-table: what it writes is a table of tenants with nothing forgotten. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { audit } from "../../cli/audit.ts";
import { newTable } from "../../cli/new_table.ts";
import { singularOf } from "../../cli/new_table_name.ts";
import {
  asUser,
  createCast,
  expect,
  test as base,
  withClient,
  withDatabase,
} from "../support/index.ts";
import { codeOf, rowsOf } from "../support/query.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** `root`: a checkout that may be written to. */
const test = base.extend<{ $test: { root: string } }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed
  root: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), "rowhouse-new-table-"));
    await cp(`${ROOT}db`, `${root}/db`, { recursive: true });
    await mkdir(`${root}/server`);
    await cp(`${ROOT}server/schema.graphql`, `${root}/server/schema.graphql`);
    await use(root);
    await rm(root, { recursive: true });
  },
});

test("a new table and its child have no finding, and keep tenants apart", async ({ root }) => {
  const made = [
    await newTable({ root, name: "rehearsals" }),
    await newTable({ root, name: "rehearsal_entries", parent: "rehearsals" }),
  ];
  const sql = made.flatMap(({ files }) => [...files.values()]).join("\n");
  await withDatabase("migrated", async (database) => {
    await withClient(database.urls.migrator, async (migrator) => {
      // Like every file of db/, these may be run twice.
      await migrator.query(`begin; ${sql}; ${sql}; commit`);
      await migrator.query(await readFile(`${ROOT}db/ownership.sql`, "utf8"));
    });
    const found = await audit({ databaseUrl: database.urls.migrator });
    expect(found.filter(({ rule }) => rule !== "server_version")).toEqual([]);
    expect(await audit({ databaseUrl: database.urls.migrator, set: "citus" })).toEqual([]);

    await withClient(database.urls.superuser, async (db) => {
      await db.query("begin");
      const { alice, mallory, acme, globex } = await createCast(db);
      const names = "select name from app_public.rehearsal_entries";
      const rows = await asUser(db, { userId: alice, tenantId: acme }, async () => {
        await db.query(`with rehearsal as (
            insert into app_public.rehearsals (name) values ('Cash') returning id
          )
          insert into app_public.rehearsal_entries (rehearsal_id, name) select id, 'Rent' from rehearsal`);
        await db.query("update app_public.rehearsal_entries set name = 'Rent, May'");
        return rowsOf(db, names);
      });
      expect(rows).toEqual([{ name: "Rent, May" }]);
      const logged = await rowsOf(
        db,
        `select tgrelid::regclass::text as table from pg_trigger
        where tgfoid = 'app_private.tg__audit'::regproc and tgrelid::regclass::text ~ 'rehearsal'
        order by 1`,
      );
      expect(logged.map(({ table }) => table)).toEqual([
        "app_public.rehearsal_entries",
        "app_public.rehearsals",
      ]);

      const as = { userId: mallory, tenantId: globex };
      expect(await asUser(db, as, () => rowsOf(db, names))).toEqual([]);
      const steal = asUser(db, as, () =>
        db.query("insert into app_public.rehearsals (tenant_id, name) values ($1, 'x')", [acme]),
      );
      expect(await codeOf(steal)).toBe("42501");
      await db.query("rollback");
    });
  });
});

test("the table of contents has the new files where they belong, once", async ({ root }) => {
  await newTable({ root, name: "rehearsals" });
  await newTable({ root, name: "rehearsal_entries", parent: "rehearsals" });
  const lines = (await readFile(`${root}/db/index.sql`, "utf8"))
    .split("\n")
    .filter((line) => line !== "");
  const listed = lines.map((line) => line.replace("--!include ", ""));
  const files = (await readdir(`${root}/db`, { recursive: true })).filter((file) =>
    /^\d.*\.sql$/.test(file),
  );
  expect(listed.toSorted()).toEqual(files.toSorted());
  const folders = listed.map((path) => path.split("/", 1).join());
  expect(folders).toEqual(folders.toSorted((a, b) => a.localeCompare(b)));
  const made = [...new Set(folders)].filter((folder) => folder.includes("rehearsal"));
  // The child comes after its parent.
  expect(made.map((folder) => folder.replace(/^\d+/, ""))).toEqual([
    "_rehearsals",
    "_rehearsal_entries",
  ]);
});

test("a dry run and a second run write nothing", async ({ root }) => {
  const before = await readdir(`${root}/db`, { recursive: true });
  const { files } = await newTable({ root, name: "rehearsals", dryRun: true });
  expect(files.size).toBe(4);
  expect(await readdir(`${root}/db`, { recursive: true })).toEqual(before);

  await newTable({ root, name: "rehearsals" });
  const index = await readFile(`${root}/db/index.sql`, "utf8");
  await expect(newTable({ root, name: "rehearsals" })).rejects.toThrow(/Nothing is overwritten/);
  expect(await readFile(`${root}/db/index.sql`, "utf8")).toBe(index);
});

test.for([
  ["Notes", /snake_case/],
  ["project-files", /snake_case/],
  ["notes; drop table x", /snake_case/],
  ["../notes", /snake_case/],
  ["note", /plural/],
  ["status", /plural/],
  ["address", /plural/],
  ["references", /word of SQL/],
  ["pg_notes", /schema of the system/],
  [`${"very_".repeat(9)}notes`, /longer than 40/],
  ["tenants", /taken: db\/30_tenancy\/tables\.sql/],
  ["stripe_events", /taken: db\/50_billing\/tables\.sql/],
  ["entitlements", /taken: db\/40_usage\/functions\.sql/],
  ["queries", /type Query already/],
  ["nodes", /type Node already/],
] as const)("%s is refused as a name", async ([name, reason], { root }) => {
  await expect(newTable({ root, name })).rejects.toThrow(reason);
});

test.for(["users", "plans", "nothings", "usage_counters"])(
  "%s is refused as a parent: it is no table of tenants with an id",
  async (parent, { root }) => {
    await expect(newTable({ root, name: "rehearsals", parent })).rejects.toThrow(/parent must be/);
  },
);

test("the word for one row is found", () => {
  const words = { notes: "note", entries: "entry", boxes: "box", time_slots: "time_slot" };
  for (const [plural, singular] of Object.entries(words)) expect(singularOf(plural)).toBe(singular);
  expect(singularOf("people")).toBe("person");
});
