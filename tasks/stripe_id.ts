/** The id of what Stripe names by its id, or tells in full where it was asked to. */
export function idOf(object: string | { id: string } | null): string | null {
  return typeof object === "string" ? object : (object?.id ?? null);
}
