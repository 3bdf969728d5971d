/** Who attacks: every role of the run time, in every situation it can be in. All are A's side. */
import { keyHash } from "../fixture/key_hash.ts";
import { SCOPES, type Scope } from "../fixture/people.ts";
import type { Planting } from "../fixture/plant.ts";
import { literal } from "./owned.ts";

export type Actor = {
  name: string;
  login: "server" | "worker";
  /** The role whose rights and policies count. */
  role: string;
  /** How they get in, as the server and the worker do it. */
  enter: readonly string[];
  /** Whether A's rows are theirs to see: the positive control of every attack. */
  inside: boolean;
  /** Whether they have a tenant whose rows they may read; else a policy has to refuse them. */
  reads: boolean;
  /** Whether they are in A as if it were suspended. */
  suspended: boolean;
};

/** The actors, for the planted people. */
export function actorsOf({ a, stranger }: Planting): Actor[] {
  const { owner, admin, member, removed } = a.people;
  const entered = (name: string, userId: string | null, tenantId: string | null): Actor => {
    const role = userId === null ? "app_anonymous" : "app_user";
    const enter = `app_private.enter(${literal(userId)}::uuid, ${literal(tenantId)}::uuid)`;
    return {
      name,
      login: "server",
      role,
      enter: through(enter, role),
      inside: tenantId !== null,
      reads: tenantId !== null,
      suspended: false,
    };
  };
  const keyed = (scope: Scope): Actor => {
    const enter = `app_private.enter(null, null, null, '${keyHash(a.keys[scope].secret)}')`;
    const role = "app_user";
    return {
      name: `${scope} key`,
      login: "server",
      role,
      enter: through(enter, role),
      inside: true,
      reads: scope !== "billing",
      suspended: false,
    };
  };
  return [
    entered("owner", owner.id, a.tenantId),
    entered("admin", admin.id, a.tenantId),
    entered("member", member.id, a.tenantId),
    suspend(entered("owner of a suspended tenant", owner.id, a.tenantId)),
    ...SCOPES.map(keyed),
    entered("removed member", removed.id, null),
    entered("stranger", stranger.id, null),
    entered("visitor", null, null),
    ...CONTEXTS.map(({ name, value }) => outside(name, "server", "app_user", setAll(value))),
    outside("worker", "worker", "app_worker"),
    outside("identity provider", "server", "app_identity"),
    outside("server's login", "server", "rowhouse_server"),
    outside("worker's login", "worker", "rowhouse_worker"),
  ];
}

/** In A, with the settings that enter() leaves for a tenant without access. */
function suspend(actor: Actor): Actor {
  const [enter = "", ...rest] = actor.enter;
  const shut = ["current_tenant_id", "writable_tenant_id"]
    .map((setting) => `set_config('app.${setting}', '', true)`)
    .join(", ");
  const become = `select ${shut}, set_config('app.access', 'none', true), set_config('role', '${actor.role}', true)`;
  return {
    ...actor,
    enter: [enter.replace(/, set_config\('role'.*$/, ""), become, ...rest],
    inside: false,
    reads: false,
    suspended: true,
  };
}

/** The server's way in: one statement enters, and becomes the role. */
function through(enter: string, role: string): string[] {
  return [`select ${enter}, set_config('role', '${role}', true)`];
}

/** Without app_private.enter(), or with settings that it would never leave. */
const CONTEXTS: readonly { name: string; value: string | undefined }[] = [
  { name: "no context", value: undefined },
  { name: "empty context", value: "" },
  { name: "garbage context", value: "garbage" },
];

const SETTINGS = [
  "app.current_user_id",
  "app.api_key_id",
  "app.member_tenant_id",
  "app.current_tenant_id",
  "app.writable_tenant_id",
  "app.permissions",
];

function setAll(value: string | undefined): string[] {
  if (value === undefined) return [];
  return SETTINGS.map((setting) => `select set_config('${setting}', ${literal(value)}, true)`);
}

function outside(
  name: string,
  login: Actor["login"],
  role: string,
  before: readonly string[] = [],
): Actor {
  const become = role.startsWith("rowhouse") ? [] : [`select set_config('role', '${role}', true)`];
  const enter = [...before, ...become];
  return { name, login, role, enter, inside: false, reads: false, suspended: false };
}
