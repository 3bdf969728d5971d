import type { ExternalProvider } from "./auth/external_tokens.ts";
import type { Environment } from "./environment.ts";

/** Three lists, read side by side: one provider is one entry of each. */
export function externalProviders(read: Environment): ExternalProvider[] {
  const jwksUrls = read.urls("AUTH_JWKS_URL");
  const issuers = read.list("AUTH_ISSUER", []);
  const audiences = read.list("AUTH_AUDIENCE", []);
  if (jwksUrls.length !== issuers.length || jwksUrls.length !== audiences.length) {
    read.fault("AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE must list equally many");
  }
  return jwksUrls.flatMap((jwksUrl, index) => {
    const [issuer, audience] = [issuers[index], audiences[index]];
    return issuer === undefined || audience === undefined ? [] : [{ jwksUrl, issuer, audience }];
  });
}
