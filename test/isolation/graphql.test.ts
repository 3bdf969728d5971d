import { buildSchema } from "graphql";
import type pg from "pg";

import { describeAttempt, failures } from "../../attack/attempt.ts";
import { plant } from "../../attack/fixture/plant.ts";
import { attackGraphql, type GraphqlTarget } from "../../attack/graphql/attack.ts";
import { repositoryFile } from "../support/contract.ts";
import { expect, test as base, withClient, type TestDatabase } from "../support/index.ts";
import { withSystem, type System } from "../support/system.ts";

const test = base.extend<{ $file: { system: System } }>({
  system: [
    async ({ database }, use) => {
      await withSystem(database, { worker: false }, use);
    },
    { scope: "file" },
  ],
});

test(
  "nobody gets anything of a neighbour's through the API",
  { timeout: 120_000 },
  async ({ system, database }) => {
    const attempts = await attack(database, { url: system.url });
    expect(failures(attempts).map(describeAttempt)).toEqual([]);

    const objects = new Set(attempts.map(({ object }) => object));
    const schema = buildSchema(await repositoryFile("server/schema.graphql"));
    const asked = fieldsOf(schema.getQueryType()).filter(
      (name) => name !== "id" && name !== "query",
    );
    expect(asked.filter((name) => !objects.has(`Query.${name}`))).toEqual([]);
    const NO_IDS = new Set(["createTenant", "leaveTenant"]);
    const done = fieldsOf(schema.getMutationType()).filter((name) => !NO_IDS.has(name));
    expect(done.filter((name) => !objects.has(`Mutation.${name}`))).toEqual([]);
    const told = fieldsOf(schema.getSubscriptionType());
    expect(told).toContain("tenantChanged");
    expect(told.filter((name) => !objects.has(`Subscription.${name}`))).toEqual([]);
    const actors = new Set(attempts.map(({ actor }) => actor));
    for (const actor of ["owner", "admin", "member", "removed member", "stranger", "anonymous"]) {
      expect(actors).toContain(actor);
    }
    for (const actor of ["API key: read", "API key: billing", "owner, suspended", "forger"]) {
      expect(actors).toContain(actor);
    }
  },
);

test(
  "a wall with holes is not taken for a whole one",
  { timeout: 60_000 },
  async ({ system, database }) => {
    await withClient(database.urls.superuser, (admin) => admin.query(HOLES));
    const holes = new Set([
      "Query.projects",
      "Mutation.updateProject",
      "Mutation.revokeInvitation",
      "Subscription.tenantChanged",
    ]);
    const attempts = await attack(database, {
      url: system.url,
      scope: { objects: (name) => holes.has(name), actors: (name) => name === "owner" },
    });
    const breaches = attempts.filter(({ breach }) => breach);
    const found = (object: string) =>
      breaches.filter((attempt) => attempt.object === object).map(({ detail }) => detail ?? "");
    expect(found("Query.projects").join("\n")).toMatch(/The answer tells "/);
    expect(found("Query.projects").join("\n")).toMatch(/It counts \d+ rows where A has 1/);
    expect(found("Mutation.updateProject").join("\n")).toMatch(/row that does not exist/);
    expect(found("Mutation.revokeInvitation").join("\n")).toMatch(/row that does not exist/);
    expect(found("Subscription.tenantChanged")).toEqual([
      "They were told of a change that was B's.",
    ]);
    expect(found("B's rows")).toEqual(["They changed."]);
  },
);

/** Made while the server runs: it would not start with them. */
const HOLES = `
  create or replace function app_private.notify_tenant(p_tenant_id uuid, p_topic text, p_row_id uuid)
    returns void
    language sql volatile parallel unsafe
  begin atomic
    select pg_notify(
      'rowhouse_tenants',
      json_build_object('tenant_id', tenants.id, 'topic', p_topic, 'row_id', p_row_id)::text
    )
    from app_public.tenants;
  end;
  alter policy select_tenant on app_public.projects using (true);
  alter policy update_tenant on app_public.projects using (true) with check (true);
  create or replace function app_public.revoke_invitation(invitation_id uuid)
    returns app_public.invitations
    language plpgsql volatile security definer parallel unsafe
    set search_path = pg_catalog, pg_temp
  as $$
  begin
    if exists (select from app_public.invitations as i where i.id = revoke_invitation.invitation_id) then
      raise exception 'It is not yours' using errcode = 'DNIED';
    end if;
    raise exception 'There is no such invitation' using errcode = 'INPUT';
  end;
  $$;`;

function attack({ urls }: TestDatabase, target: Omit<GraphqlTarget, "client">) {
  return withClient(urls.migrator, async (client: pg.Client) => {
    await client.query("begin");
    const planting = await plant(client);
    await client.query("commit");
    return attackGraphql({ ...target, client }, planting);
  });
}

function fieldsOf(type: { getFields(): object } | null | undefined): string[] {
  return Object.keys(type?.getFields() ?? {});
}
