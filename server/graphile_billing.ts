import "./graphile_env.ts";

import { setTimeout as pause } from "node:timers/promises";

import { PgSelectSingleStep, type PgExecutorContext } from "postgraphile/@dataplan/pg";
import { ObjectStep, sideEffect, type FieldPlanResolver } from "postgraphile/grafast";

export type BillingWait = {
  /** How long a mutation waits for its request's end before it answers with a pending one. */
  waitMs: number;
  /** Aborted when the server is told to stop: then nobody waits any more. */
  stopping: AbortSignal;
};

type Resource = GraphileBuild.Build["pgResources"][string];
type Mutation = Parameters<GraphileBuild.Inflection["customMutationField"]>[0]["resource"];
type Asked = { tenantId: string; id: string; context: PgExecutorContext };

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;
const STATUS =
  "select status from app_public.billing_requests where tenant_id = $1::uuid and id = $2::uuid";

/**
 * The mutations that ask something of Stripe book a request, which a task answers. Their answer is
 * held back here until it has: after the request's transaction was committed, for a bounded time,
 * and without a connection of the pool between two looks. What is shown then is read anew, with the
 * caller's own rights.
 */
export function makeBillingPlugin(wait: BillingWait): GraphileConfig.Plugin {
  return {
    name: "RowhouseBillingPlugin",
    version: "1.0.0",
    schema: {
      hooks: {
        GraphQLObjectType_fields_field(field, build, { scope }) {
          const requests = build.pgResources["billing_requests"];
          const { plan } = field;
          if (requests === undefined || plan === undefined) return field;
          const mutations = Object.values(build.pgResources)
            .filter(isMutation)
            .filter(({ codec }) => codec === requests.codec)
            .map((resource) => build.inflection.customMutationField({ resource }));
          if (scope.isRootMutation === true && mutations.includes(scope.fieldName)) {
            return { ...field, plan: held(plan, requests, wait) };
          }
          const isAnswer =
            scope.isMutationPayload === true &&
            scope.pgCodec === requests.codec &&
            scope.fieldName === "billingRequest";
          return isAnswer
            ? { ...field, plan: ($payload: ObjectStep) => $payload.get("answered") }
            : field;
        },
      },
    },
  };
}

function isMutation(resource: Resource): resource is Resource & Mutation {
  return resource.isMutation && resource.parameters !== undefined;
}

function held(plan: FieldPlanResolver, requests: Resource, wait: BillingWait): FieldPlanResolver {
  return function holdAnswer($source, args, info) {
    const $payload = plan($source, args, info);
    const $asked = $payload instanceof ObjectStep ? $payload.get("result") : undefined;
    if (!($payload instanceof ObjectStep) || !($asked instanceof PgSelectSingleStep)) {
      throw new Error(`${info.fieldName} does not return one billing request`);
    }
    const $tenantId = $asked.get("tenant_id");
    const $id = sideEffect(
      { tenantId: $tenantId, id: $asked.get("id"), context: requests.executor.context() },
      async (asked: Asked) => {
        await untilAnswered(asked, wait);
        return asked.id;
      },
    );
    $payload.set("answered", requests.get({ tenant_id: $tenantId, id: $id }));
    return $payload;
  };
}

/** Resolves when the request is not pending any more, or when it was waited for long enough. */
async function untilAnswered(
  { tenantId, id, context }: Asked,
  { waitMs, stopping }: BillingWait,
): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (let ms = FIRST_PAUSE_MS; ; ms = Math.min(ms * 2, LONGEST_PAUSE_MS)) {
    const left = deadline - Date.now();
    if (left <= 0 || stopping.aborted) return;
    await rested(Math.min(ms, left), stopping);
    const { rows } = await context.withPgClient(context.pgSettings, (client) =>
      client.query<{ status: string }>({ text: STATUS, values: [tenantId, id] }),
    );
    if (rows[0]?.status !== "pending") return;
  }
}

/** A pause that ends early when the server stops. */
async function rested(ms: number, stopping: AbortSignal): Promise<void> {
  try {
    await pause(ms, undefined, { signal: stopping });
  } catch {
    // Told to stop: whoever waits is answered with what there is.
  }
}
