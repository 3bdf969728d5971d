/** The built-in identity provider: better-auth over the tables of schema auth (db/10_identity). */
import { betterAuth } from "better-auth";
import { bearer, jwt } from "better-auth/plugins";
import type pg from "pg";
import type { Logger } from "pino";

import type { ServerConfig } from "../config.ts";
import { identityMail } from "./identity_mail.ts";

export type IdentityOptions = {
  /** As role app_identity with search_path auth. */
  pool: pg.Pool;
  config: Pick<
    ServerConfig,
    "authSecret" | "publicUrl" | "appUrl" | "corsOrigins" | "isProduction"
  >;
  logger: Logger;
};

export type Identity = ReturnType<typeof makeIdentity>;

export function makeIdentity({ pool, config, logger }: IdentityOptions) {
  const mail = identityMail({ pool, appUrl: config.appUrl, logger });
  return betterAuth({
    basePath: "/api/auth",
    baseURL: config.publicUrl,
    secret: config.authSecret,
    trustedOrigins: [config.publicUrl, new URL(config.appUrl).origin, ...config.corsOrigins],
    database: pool,
    telemetry: { enabled: false },
    logger: { log: (level, message) => logger[level]({ component: "identity" }, message) },
    emailAndPassword: {
      enabled: true,
      minPasswordLength: 8,
      maxPasswordLength: 128,
      sendResetPassword: mail.sendResetPassword,
      // Whoever had the old password may be signed in.
      revokeSessionsOnPasswordReset: true,
    },
    // Nobody has to wait for a mail to begin; what an address decides asks whether it is verified.
    emailVerification: {
      sendOnSignUp: true,
      autoSignInAfterVerification: true,
      sendVerificationEmail: mail.sendVerificationEmail,
    },
    // Said although it is the default: under NODE_ENV=test better-auth would let a link lead anywhere.
    advanced: { database: { generateId: false }, disableOriginCheck: false },
    // Otherwise ten people behind one office address lock each other out while we develop.
    rateLimit: { enabled: config.isProduction },
    plugins: [
      bearer(),
      jwt({
        jwks: { keyPairConfig: { alg: "EdDSA", crv: "Ed25519" } },
        // Tokens come from POST /auth/token, where the tenant is known.
        disableSettingJwtHeader: true,
        schema: {
          jwks: {
            modelName: "jwks",
            fields: {
              publicKey: "public_key",
              privateKey: "private_key",
              createdAt: "created_at",
              expiresAt: "expires_at",
            },
          },
        },
      }),
    ],
    ...TABLES,
  });
}

/** Our names for better-auth's models and fields. */
const TABLES = {
  user: {
    modelName: "users",
    fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" },
  },
  session: {
    modelName: "sessions",
    fields: {
      userId: "user_id",
      expiresAt: "expires_at",
      ipAddress: "ip_address",
      userAgent: "user_agent",
      createdAt: "created_at",
      updatedAt: "updated_at",
    },
  },
  account: {
    modelName: "accounts",
    fields: {
      userId: "user_id",
      accountId: "account_id",
      providerId: "provider_id",
      accessToken: "access_token",
      refreshToken: "refresh_token",
      idToken: "id_token",
      accessTokenExpiresAt: "access_token_expires_at",
      refreshTokenExpiresAt: "refresh_token_expires_at",
      createdAt: "created_at",
      updatedAt: "updated_at",
    },
  },
  verification: {
    modelName: "verifications",
    fields: { expiresAt: "expires_at", createdAt: "created_at", updatedAt: "updated_at" },
  },
} as const;
