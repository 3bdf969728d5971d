/** Where a request may only hold one of a few words. */
type Node = Record<string, unknown>;

/** How deep into a request we look: Stripe's options of payment methods go on for hundreds. */
const DEPTH = 4;

/** The paths of all parameters that Stripe reads as one of a few words, `["items", "0", "…"]`. */
export function closedSets(
  schema: object,
  definition: (reference: string) => object,
  path: string[] = [],
): string[][] {
  const node = schema as Node;
  if (typeof node["definition"] === "string") {
    return closedSets(definition(node["definition"]), definition, path);
  }
  if (node["if"] !== undefined) {
    return closedSets(node["then"] as object, definition, path);
  }
  if ("enum" in node || "const" in node) return [path];
  if (path.length === DEPTH) return [];
  if (node["type"] === "array") {
    return closedSets(node["items"] as object, definition, [...path, "0"]);
  }
  return Object.entries((node["properties"] ?? {}) as Record<string, object>).flatMap(
    ([name, property]) => closedSets(property, definition, [...path, name]),
  );
}
