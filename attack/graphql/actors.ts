/** Who attacks through the API, and how each comes by a token. */
import type { House, Planting } from "../fixture/plant.ts";
import type { Queryable } from "../fixture/tables.ts";
import { givePasswords, signIn, tokenFor } from "./doors.ts";
import type { Powers } from "./exceptions.ts";

export type Actor = {
  name: string;
  token: string | undefined;
  /** Whose rows they must not see. */
  foreign: readonly House[];
  /** What they may do in A; undefined for those who have nothing to do there any more. */
  powers: Powers | undefined;
  /** Whether they try what would tell nothing new of the others. */
  isThorough: boolean;
  /** Whether A is suspended while they try. */
  isSuspended: boolean;
};

export type Cast = {
  actors: readonly Actor[];
  /** A's owner, for the positive control. */
  owner: Actor;
  /** B's owner's token, for B's cursors. */
  neighbour: string;
  /** Sessions to knock at POST /auth/token with. */
  sessions: readonly { name: string; session: string }[];
};

const EVERYTHING: Powers = { reads: true, writes: true, permissions: "all" };
const MEMBERS_READ = ["members.read"];

/** Signs everybody in. The removed member gets a token while still a member, and keeps it. */
export async function castOf(client: Queryable, url: string, planting: Planting): Promise<Cast> {
  const { a, b, stranger } = planting;
  await givePasswords(client, planting);
  const session = {
    owner: await signIn(url, a.people.owner),
    admin: await signIn(url, a.people.admin),
    member: await signIn(url, a.people.member),
    removed: await signIn(url, a.people.removed),
    stranger: await signIn(url, stranger),
    neighbour: await signIn(url, b.people.owner),
  };
  const tokenInA = (who: keyof typeof session) => tokenFor(url, session[who], a.tenantId);
  const inside = (name: string, token: string, powers: Powers): Actor => ({
    name,
    token,
    foreign: [b],
    powers,
    isThorough: false,
    isSuspended: false,
  });
  const outside = (name: string, token: string | undefined): Actor => ({
    name,
    token,
    foreign: [a, b],
    powers: undefined,
    isThorough: false,
    isSuspended: false,
  });
  const ownerToken = await tokenInA("owner");
  const owner = { ...inside("owner", ownerToken, EVERYTHING), isThorough: true };
  const noOwner = allBut(["billing.manage", "tenant.transfer"]);
  return {
    owner,
    neighbour: await tokenFor(url, session.neighbour, b.tenantId),
    actors: [
      owner,
      inside("admin", await tokenInA("admin"), noOwner),
      inside("member", await tokenInA("member"), { ...EVERYTHING, permissions: MEMBERS_READ }),
      inside("API key: read", a.keys.read.secret, {
        reads: true,
        writes: false,
        permissions: MEMBERS_READ,
      }),
      inside("API key: write", a.keys.write.secret, { ...EVERYTHING, permissions: MEMBERS_READ }),
      inside("API key: billing", a.keys.billing.secret, {
        reads: false,
        writes: false,
        permissions: ["billing.manage"],
      }),
      outside("removed member", await formerToken(client, url, a, session.removed)),
      outside("stranger", await tokenFor(url, session.stranger)),
      outside("anonymous", undefined),
      {
        ...inside("owner, suspended", ownerToken, { ...EVERYTHING, reads: false, writes: false }),
        isSuspended: true,
      },
    ],
    sessions: [
      { name: "owner", session: session.owner },
      { name: "removed member", session: session.removed },
      { name: "stranger", session: session.stranger },
    ],
  };
}

/** A token for the tenant that was got while a member of it, and outlived that. */
async function formerToken(
  client: Queryable,
  url: string,
  { tenantId, people }: House,
  session: string,
): Promise<string> {
  const ids = [tenantId, people.removed.id];
  await client.query(
    "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'admin')",
    ids,
  );
  const token = await tokenFor(url, session, tenantId);
  await client.query(
    "delete from app_public.memberships where tenant_id = $1 and user_id = $2",
    ids,
  );
  return token;
}

/** All that there is to hold today, but for these. */
function allBut(lacking: readonly string[]): Powers {
  return {
    reads: true,
    writes: true,
    permissions: ALL_PERMISSIONS.filter((permission) => !lacking.includes(permission)),
  };
}

const ALL_PERMISSIONS = [
  "billing.manage",
  "tenant.manage",
  "tenant.transfer",
  "members.read",
  "members.invite",
  "members.remove",
  "members.change_role",
  "api_keys.manage",
  "audit.read",
];
