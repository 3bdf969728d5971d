import { bootstrapDatabase } from "../../dev/bootstrap.ts";
import { expect, test, withClient, withDatabase } from "../support/index.ts";

test("databases of one server are bootstrapped at once and again without harm", async () => {
  await withDatabase("empty", (first) =>
    withDatabase("empty", async (second) => {
      const bootstrap = ({ name, urls }: typeof first) =>
        bootstrapDatabase({ superuserUrl: urls.superuser, database: name });
      await Promise.all([bootstrap(first), bootstrap(second), bootstrap(first), bootstrap(second)]);
      await withClient(second.urls.superuser, async (client) => {
        const { rows } = await client.query(
          "select datdba::regrole::text as owner from pg_database where datname = $1",
          [second.name],
        );
        expect(rows).toEqual([{ owner: "rowhouse_owner" }]);
      });
    }),
  );
});

test("the only role that passes policies by is the deploy job's, and no role is a superuser", async ({
  db,
}) => {
  const { rows } = await db.query(`
    select rolname as role, rolcanlogin as logs_in, rolbypassrls as bypasses
    from pg_roles
    where rolname ~ '^(rowhouse|app)_' and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)
  `);
  expect(rows).toEqual([{ role: "rowhouse_migrator", logs_in: true, bypasses: true }]);
});
