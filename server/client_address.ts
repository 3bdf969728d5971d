import { isIP } from "node:net";

/**
 * Where a request comes from: the connection's other end, or who the trusted proxies say is behind
 * them (TRUSTED_PROXIES). What a proxy passes on that is no address is left out, not recorded.
 */
export function clientAddress({ ip }: { ip?: string | undefined }): string | undefined {
  return ip !== undefined && isIP(ip) !== 0 ? ip : undefined;
}
