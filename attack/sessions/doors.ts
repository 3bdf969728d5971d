/** The two ways to the database that share a pool: PostGraphile's, and withTenant(). */
import type pg from "pg";

import { makeRowhousePgService } from "../../server/pg_service.ts";
import { withTenant } from "../../server/with_tenant.ts";
import type { Send } from "./kinds.ts";
import type { Lodger } from "./tenants.ts";

export type Door = {
  name: string;
  takesMischief: boolean;
  enter<T>(who: Pick<Lodger, "tenantId" | "userId">, work: (send: Send) => Promise<T>): Promise<T>;
};

/** Both of them, over a pool made with `pipeline: true`. */
export async function doorsOf(pool: pg.Pool): Promise<readonly Door[]> {
  const lend = await makeRowhousePgService(pool).adaptor.createWithPgClient({ pool });
  return [
    {
      name: "GraphQL's transactions",
      takesMischief: false,
      enter: ({ tenantId, userId }, work) =>
        lend(
          { role: "app_user", "app.current_user_id": userId, "app.current_tenant_id": tenantId },
          (client) =>
            work(async (text, values = []) => {
              const { rows } = await client.query<pg.QueryResultRow>({ text, values });
              return rows;
            }),
        ),
    },
    {
      name: "withTenant()",
      takesMischief: true,
      enter: (who, work) =>
        withTenant(pool, who, (client) =>
          work(async (text, values = []) => (await client.query(text, values)).rows),
        ),
    },
  ];
}
