import "./graphile_env.ts";

/** Two names that the API promises and that PostGraphile's inflection would not give. */
export const RowhouseInflectionPlugin: GraphileConfig.Plugin = {
  name: "RowhouseInflectionPlugin",
  version: "1.0.0",
  inflection: {
    replace: {
      /** `@fieldName` on a function names its query field; PostGraphile heeds it elsewhere only. */
      customQueryField(previous, _options, details) {
        const name = details.resource.extensions?.tags?.["fieldName"];
        return typeof name === "string" ? name : (previous?.(details) ?? details.resource.name);
      },
      /** A mutation's result is called what it is (`tenant`), not `result`, when it is a row. */
      functionMutationResultFieldName(previous, _options, details) {
        const { resource } = details;
        const explicit = resource.extensions?.tags?.["resultFieldName"];
        if (typeof explicit === "string") return explicit;
        if (resource.codec.attributes === undefined) return previous?.(details) ?? "result";
        const name = this.camelCase(this.tableType(resource.codec));
        return resource.isUnique ? name : this.pluralize(name);
      },
    },
  },
};
