import type { ServerConfig } from "../server/config.ts";
import type { StartDatabase } from "./database.ts";
import type { DemoUser } from "./demo_user.ts";

export type BannerOptions = {
  url: string;
  emulatorUrl: string | undefined;
  database: StartDatabase;
  demo: DemoUser | undefined;
  config: ServerConfig;
};

/** What a person sees when everything runs: where it is, and what to do first. */
export function banner({ url, emulatorUrl, database, demo, config }: BannerOptions): string {
  const places: [string, string][] = [
    ["GraphQL", `${url}/graphql`],
    ...(config.isProduction ? [] : [["GraphiQL", `${url}/`] satisfies [string, string]]),
    ["Sign-up, sign-in", `${url}/api/auth/sign-up/email, …/sign-in/email`],
    ["Access tokens", `${url}/auth/token`],
    [
      "Mails",
      config.outboxDirectory === undefined
        ? "by SMTP_URL, or in outbox/ of ROWHOUSE_HOME"
        : `${url}/outbox`,
    ],
    ["Stripe", emulatorUrl === undefined ? "Stripe itself" : `${emulatorUrl} (emulator)`],
    ["PostgreSQL", database.isEmbedded ? database.urls.migrator : "DATABASE_URL"],
  ];
  return [
    ...places.map(([name, where]) => `  ${name.padEnd(18)}${where}`),
    "",
    "A first query, for anybody (paste it into GraphiQL):",
    "",
    "  { plans { nodes { key name prices { nodes { interval currency amountMinor } } } } }",
    "",
    ...(demo === undefined ? [] : signIn(url, demo)),
    "Ctrl-C stops everything; what you did is there again at the next start.",
  ].join("\n");
}

function signIn(url: string, { email, password }: DemoUser): string[] {
  return [
    `A sign-in to try: ${email} with password ${password}`,
    "",
    `  curl -s ${url}/api/auth/sign-in/email -H 'content-type: application/json' \\`,
    `    -d '{"email":"${email}","password":"${password}"}'`,
    "",
    `The answer's "token" is the session; POST ${url}/auth/token with it as a bearer`,
    "gives the access token for GraphQL. README.md goes on from there.",
    "",
  ];
}
