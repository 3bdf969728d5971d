/** A database with A and B planted in it, to attack. */
import { attackCatalog, type Scope } from "../../attack/catalog/attack.ts";
import { plant, type Planting } from "../../attack/fixture/plant.ts";
import type { Attempt } from "../../attack/attempt.ts";
import { withClient, withDatabase, type TestDatabase } from "../support/index.ts";

/** Attacks it as it stands. */
export function attack(
  { urls }: TestDatabase,
  planting: Planting,
  scope?: Scope,
): Promise<readonly Attempt[]> {
  const { migrator, server, worker } = urls;
  return attackCatalog({ privileged: migrator, server, worker }, planting, scope);
}

/** Plants A and B, committed. */
export async function planted({ name, urls }: TestDatabase): Promise<Planting> {
  // A clone has not the rights that db/bootstrap.sql gives and takes on a database.
  await withClient(urls.superuser, (client) =>
    client.query(`revoke temporary on database ${name} from public`),
  );
  return withClient(urls.migrator, async (client) => {
    await client.query("begin");
    const planting = await plant(client);
    await client.query("commit");
    return planting;
  });
}

/** What is found in a database of its own after `change`, a superuser's doing. */
export async function attackAfter(change: string, scope: Scope): Promise<readonly Attempt[]> {
  return withDatabase("migrated", async (database) => {
    await withClient(database.urls.superuser, (client) => client.query(change));
    return attack(database, await planted(database), scope);
  });
}
