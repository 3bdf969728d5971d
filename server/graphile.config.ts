import "./graphile_env.ts";

import type { IncomingMessage } from "node:http";

import { depthLimit } from "@graphile/depth-limit";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import type pg from "pg";
import type { Logger } from "pino";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";

import type { Caller } from "./auth/claims.ts";
import { clientAddress } from "./client_address.ts";
import { makeBillingPlugin, type BillingWait } from "./graphile_billing.ts";
import { RowhouseDefaultOrderPlugin } from "./graphile_default_order.ts";
import { RowhouseInflectionPlugin } from "./graphile_inflection.ts";
import { LoudMutationsPlugin } from "./graphile_mutations.ts";
import { tenantChangedPlugin } from "./graphile_subscriptions.ts";
import { asBadInput, asComplexityRule, knownOperations, makeMaskError } from "./graphql_errors.ts";
import { makeRowhousePgService, type EnterSettings } from "./pg_service.ts";
import type { TenantNotifications } from "./tenant_notifications.ts";

declare module "node:http" {
  interface IncomingMessage {
    /** Who asks; set by server/auth/authenticate.ts, and by server/websockets.ts. */
    caller?: Caller;
    /** Where Express says that it comes from. */
    readonly ip?: string | undefined;
  }
}

/** What a query may nest before it is refused as QUERY_TOO_COMPLEX. */
const DEPTH_LIMITS = {
  maxDepth: 12,
  maxListDepth: 4,
  maxSelfReferentialDepth: 2,
  // As deep as the introspection of graphql-js itself, which unwraps nine levels of lists and nulls.
  maxIntrospectionDepth: 15,
  maxIntrospectionListDepth: 4,
  maxDepthByFieldCoordinates: { "__Type.ofType": 10 },
  // The limits stand here for everyone to read; a developer should be told which one it was.
  revealDetails: true,
};

export type PresetOptions = {
  /** Made with `pipeline: true`. */
  pool: pg.Pool;
  logger: Logger;
  /** The largest GraphQL request, in bytes. */
  maxRequestLength: number;
  /** Whether API keys made here are rh_live_. */
  livemode: boolean;
  /** The origins that people may be sent back to from Stripe's pages. */
  returnOrigins: readonly string[];
  /** How the mutations that ask something of Stripe wait for its answer. */
  billing: BillingWait;
  /** What subscriptions are told by. */
  notifications: TenantNotifications;
  /** Whether Ruru (GraphiQL) is served at `/`. */
  ruru: boolean;
};

/** How PostGraphile makes an API of app_public. */
export function makePreset(options: PresetOptions): GraphileConfig.Preset {
  const { pool, logger, maxRequestLength, notifications, billing, ruru } = options;
  return {
    extends: [
      PostGraphileAmberPreset,
      PgSimplifyInflectionPreset,
      PostGraphileConnectionFilterPreset,
    ],
    plugins: [
      BadInputPlugin,
      LoudMutationsPlugin,
      RowhouseDefaultOrderPlugin,
      RowhouseInflectionPlugin,
      tenantChangedPlugin(notifications),
      makeBillingPlugin(billing),
    ],
    pgServices: [makeRowhousePgService(pool)],
    schema: {
      defaultBehavior: "-node:interface:deprecated",
      // A name that clashes must stop the start, not drop types from the API.
      dontSwallowErrors: true,
    },
    grafast: {
      // Never: plans and statistics tell of other tenants' rows.
      explain: false,
      context: (requestContext) => ({
        pgSettings: settingsFor(
          requestContext.expressv4?.req ?? requestContext.ws?.request,
          options,
        ),
      }),
    },
    grafserv: {
      graphqlPath: "/graphql",
      graphiqlPath: "/",
      graphiql: ruru,
      graphqlOverGET: false,
      maxRequestLength,
      maskError: makeMaskError(logger),
      watch: false,
    },
  };
}

function settingsFor(
  request: IncomingMessage | undefined,
  { livemode, returnOrigins }: Pick<PresetOptions, "livemode" | "returnOrigins">,
): EnterSettings {
  const caller = request?.caller;
  const from = {
    "app.request": JSON.stringify({
      ip: request && clientAddress(request),
      requestId: request?.id,
      livemode,
      returnOrigins,
    }),
  };
  if (caller === undefined) return { role: "app_anonymous", ...from };
  if ("apiKeyHash" in caller) {
    return { role: "app_user", "app.api_key_hash": caller.apiKeyHash.toString("hex"), ...from };
  }
  const { userId, tenantId } = caller.person;
  return {
    role: "app_user",
    "app.current_user_id": userId,
    ...(tenantId === undefined ? {} : { "app.current_tenant_id": tenantId }),
    ...from,
  };
}

/** Gives errors of parsing and validation their code, and limits how deep queries nest. */
const BadInputPlugin: GraphileConfig.Plugin = {
  name: "RowhouseBadInputPlugin",
  version: "1.0.0",
  grafserv: {
    middleware: {
      setPreset(next, event) {
        event.validationRules.push(knownOperations, asComplexityRule(depthLimit(DEPTH_LIMITS)));
        const getExecutionConfig = event.getExecutionConfig;
        event.getExecutionConfig = async function withCodes(context) {
          const config = await getExecutionConfig.call(this, context);
          return {
            ...config,
            parseAndValidate(query) {
              const result = config.parseAndValidate(query);
              return result.errors === undefined
                ? result
                : { errors: result.errors.map((error) => asBadInput(error)) };
            },
          };
        };
        return next();
      },
    },
  },
};
