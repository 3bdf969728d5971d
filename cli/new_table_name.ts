/** What a table may be called, so that SQL, GraphQL and its neighbours put up with it. */

const LONGEST = 40;
/** Words of SQL's that would need quotes wherever they stand. */
const RESERVED: ReadonlySet<string> = new Set(["as", "is", "cross", "references", "values"]);
/** Plurals that don't end in "s", and the word for one of them. */
const IRREGULAR: Readonly<Record<string, string>> = {
  people: "person",
  children: "child",
  data: "datum",
  media: "medium",
};

/** What is wrong with `name`, in one sentence; undefined when nothing is. */
export function faultOfName(name: string): string | undefined {
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) {
    return `"${name}" must be snake_case: small letters, digits and single underscores, like project_files.`;
  }
  if (name.length > LONGEST) return `"${name}" is longer than ${LONGEST} characters.`;
  if (RESERVED.has(name)) return `"${name}" is a word of SQL's own. Choose another.`;
  if (/^(pg|app|auth|graphile)_/.test(name)) {
    return `"${name}" begins like a schema of the system. Choose another.`;
  }
  if (singularOf(name) === undefined) {
    return `"${name}" must be a plural, for a table is named after its rows: note, notes.`;
  }
  return undefined;
}

/** The word for one row: notes, note; undefined when it does not look like a plural. */
export function singularOf(name: string): string | undefined {
  const [, before = "", last = ""] = /^(.*_)?([^_]+)$/.exec(name) ?? [];
  const irregular = IRREGULAR[last];
  if (irregular !== undefined) return before + irregular;
  if (!/[^su0-9]s$|[aeo]us$/.test(last) || last.length < 3) return undefined;
  const singular = last
    .replace(/ies$/, "y")
    .replace(/(ch|sh|x|z|ss)es$/, "$1")
    .replace(/s$/, "");
  return before + singular;
}

/** GraphQL's name of the type: project_files, ProjectFile. */
export function typeNameOf(name: string): string {
  return (singularOf(name) ?? name)
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}
