/** What is said over a websocket: graphql-transport-ws, for subscriptions and nothing else. */
import type { IncomingMessage } from "node:http";

import { makeServer, type Server } from "graphql-ws";
import type pg from "pg";
import type { Logger } from "pino";
import {
  makeGraphQLWSConfig,
  normalizeConnectionParams,
  type GrafservBase,
} from "postgraphile/grafserv";
import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  type GraphQLFormattedError,
} from "postgraphile/graphql";
import type { WebSocket } from "ws";

import { callerOf, type TokenVerifier } from "./auth/authenticate.ts";
import type { Caller } from "./auth/claims.ts";
import { describeDatabaseError, isErrorCode, Refusal, type ErrorCode } from "./errors.ts";

/** What it takes to know who connects, and that they may. */
export type Admission = {
  verifiers: readonly TokenVerifier[];
  /** As the server's login role. */
  pool: pg.Pool;
};

type Extra = { socket: WebSocket; request: IncomingMessage };

const INIT_TIMEOUT_MS = 3_000;
const MOST_SUBSCRIPTIONS = 10;
const MOST_CONNECTIONS_OF_A_CALLER = 20;
/** An API key may be good for years, and nobody can be looked at anew who is never told anything. */
const MAX_AGE_MS = 3_600_000;

/** The protocol's own close codes; a client makes another attempt after some of them only. */
const Close = { unauthorized: 4401, forbidden: 4403, tryAgain: 1013 } as const;

export type SubscriptionProtocol = Server<Extra> & {
  /** Closes a socket whose message could not be dealt with. */
  end(socket: WebSocket, error: unknown): void;
};

export function makeSubscriptionProtocol({
  graphql,
  admission,
  logger,
}: {
  graphql: GrafservBase;
  admission: Admission;
  logger: Logger;
}): SubscriptionProtocol {
  const grafserv = makeGraphQLWSConfig(graphql);
  const connections = countOf();

  const server = makeServer<Record<string, unknown>, Extra>({
    execute: grafserv.execute,
    subscribe: grafserv.subscribe,
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,

    async onConnect({ connectionParams, extra: { socket, request } }) {
      const params = normalizeConnectionParams(connectionParams);
      const given = params?.["authorization"] ?? request.headers.authorization;
      const caller = await admit(admission, typeof given === "string" ? given : undefined);
      const name = "person" in caller ? caller.person.userId : caller.apiKeyHash.toString("hex");
      // It may have gone while it was looked at.
      if (socket.readyState !== socket.OPEN) return false;
      if (connections.add(name) > MOST_CONNECTIONS_OF_A_CALLER) {
        connections.remove(name);
        socket.close(Close.tryAgain, "RATE_LIMITED: Too many connections of yours are open");
        return false;
      }
      request.caller = caller;
      const timer = endInTime(socket, caller);
      socket.once("close", () => {
        clearTimeout(timer);
        connections.remove(name);
      });
      return true;
    },

    async onSubscribe(context, id, payload) {
      if (Object.keys(context.subscriptions).length > MOST_SUBSCRIPTIONS) {
        return [errorOf("RATE_LIMITED", `${MOST_SUBSCRIPTIONS} subscriptions to a connection`)];
      }
      const args = await grafserv.onSubscribe?.(context, id, payload);
      if (args === undefined || !("document" in args)) return args;
      const operation = getOperationAST(args.document, args.operationName)?.operation;
      return operation === undefined || operation === OperationTypeNode.SUBSCRIPTION
        ? args
        : [errorOf("BAD_USER_INPUT", `A ${operation} is asked by POST; here one can subscribe`)];
    },

    onNext: grafserv.onNext,

    onError(_context, _id, _payload, errors) {
      const { maskError } = graphql.dynamicOptions;
      return errors.map((error) => formatted(isSaid(error) ? error : maskError(error)));
    },
  });

  return {
    opened: (socket, extra) => server.opened(socket, extra),
    end(socket, error) {
      const { code, message } = describeDatabaseError(error);
      if (code === "INTERNAL") logger.error({ err: error }, "a websocket's message failed");
      const status =
        code === "INTERNAL"
          ? Close.tryAgain
          : error instanceof MissingToken
            ? Close.unauthorized
            : Close.forbidden;
      socket.close(status, `${code}: ${message}`.slice(0, 120));
    },
  };
}

const NOBODY = { userId: undefined, tenantId: undefined };

class MissingToken extends Refusal {
  constructor() {
    super("LOGIN", "Send connectionParams { Authorization }");
  }
}

/** Verifies who connects and, as at the start of every request, that they may be there now. */
async function admit(
  { verifiers, pool }: Admission,
  authorization: string | undefined,
): Promise<Caller> {
  if (authorization === undefined) throw new MissingToken();
  const caller = await callerOf(verifiers, authorization);
  const { userId, tenantId } = "person" in caller ? caller.person : NOBODY;
  const values = [userId, tenantId, "person" in caller ? undefined : caller.apiKeyHash];
  await pool.query("select app_private.enter($1::uuid, $2::uuid, null, $3::bytea)", values);
  return caller;
}

/** A token that has expired takes no requests, and so holds no connection either. */
function endInTime(socket: WebSocket, caller: Caller): NodeJS.Timeout {
  const age = "expiresAt" in caller ? caller.expiresAt - Date.now() : MAX_AGE_MS;
  return setTimeout(
    () =>
      socket.close(Close.forbidden, "UNAUTHENTICATED: The time is up; connect with a new token"),
    Math.min(age, MAX_AGE_MS),
  );
}

function errorOf(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

/** Whether an error says already what a client may know, as those of parsing and validation do. */
function isSaid({ originalError, extensions }: GraphQLError): boolean {
  return originalError === undefined && isErrorCode(extensions["code"]);
}

function formatted(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  return error instanceof GraphQLError ? error.toJSON() : error;
}

function countOf() {
  const counts = new Map<string, number>();
  return {
    add(name: string): number {
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return count;
    },
    remove(name: string): void {
      const count = (counts.get(name) ?? 1) - 1;
      if (count === 0) counts.delete(name);
      else counts.set(name, count);
    },
  };
}
