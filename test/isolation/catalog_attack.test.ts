import { describeAttempt, failures } from "../../attack/attempt.ts";
import { expect, test, withClient } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { attack, planted } from "./catalog_support.ts";

test("nothing of B's is reached, told or changed by anybody of A's, in any table, view or function", async ({
  database,
}) => {
  const attempts = await attack(database, await planted(database));
  expect(failures(attempts).map(describeAttempt)).toEqual([]);

  // Everything was attacked by everybody.
  const tried = new Set(attempts.map(({ object, actor }) => `${actor}: ${object}`));
  const objects = await withClient(database.urls.superuser, (client) =>
    rowsOf<{ name: string }>(
      client,
      `select format('%I.%I', nspname, relname) as name
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where nspname in ('app_public', 'app_private', 'auth', 'graphile_worker')
      and relkind in ('r', 'p', 'v', 'm', 'S')
      union all
      select oid::regprocedure::text from pg_proc
      where pronamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
      and prorettype <> 'trigger'::regtype and proname <> 'enter'`,
    ),
  );
  const actors = ["owner", "admin", "member", "removed member", "stranger", "visitor", "read key"];
  const wanted = objects.flatMap(({ name }) => actors.map((actor) => `${actor}: ${name}`));
  expect(wanted.length).toBeGreaterThan(500);
  expect(wanted.filter((one) => !tried.has(one))).toEqual([]);

  // And it could have been otherwise: where A's own rows may be reached, they are.
  const own = attempts.filter(({ outcome }) => outcome === "own rows only");
  expect(own.map(describeAttempt)).toEqual(
    expect.arrayContaining([
      "owner, update all, app_public.projects: own rows only",
      "member, delete all, app_public.tasks: own rows only",
      "write key, update all, app_public.tasks: own rows only",
    ]),
  );
}, 60_000);
