/** HTML that is safe to send: only `html` makes it, and `html` escapes whatever is put in. */
export type Markup = { readonly markup: string };

/** A piece of HTML. Texts that are put in are escaped; pieces of HTML are taken as they are. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | Markup | readonly Markup[])[]
): Markup {
  const [first = "", ...rest] = strings;
  return { markup: first + rest.map((text, index) => markupOf(values[index]) + text).join("") };
}

function markupOf(value: string | Markup | readonly Markup[] | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return escape(value);
  return "markup" in value ? value.markup : value.map(({ markup }) => markup).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
