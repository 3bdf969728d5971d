import "./graphile_env.ts";

/**
 * `@defaultOrder CREATED_AT_DESC` on a table is how its lists are ordered when nothing is said; by
 * the primary key otherwise.
 */
export const RowhouseDefaultOrderPlugin: GraphileConfig.Plugin = {
  name: "RowhouseDefaultOrderPlugin",
  version: "1.0.0",
  after: ["PgConnectionArgOrderByDefaultValuePlugin"],
  schema: {
    hooks: {
      GraphQLObjectType_fields_field_args_arg(arg, build, { scope }) {
        const { argName, isPgFieldConnection, pgFieldResource: resource } = scope;
        if (argName !== "orderBy" || !isPgFieldConnection || resource === undefined) return arg;
        const wanted = resource.codec.extensions?.tags?.["defaultOrder"];
        if (wanted === undefined) return arg;
        const { inflection } = build;
        const typeName = inflection.orderByType(inflection.tableType(resource.codec));
        const type = build.getTypeByName(typeName);
        const values = type && "getValues" in type ? type.getValues() : [];
        const value = values.find(({ name }) => name === wanted);
        if (value === undefined) throw new Error(`@defaultOrder: ${typeName} has no such order`);
        return { ...arg, defaultValue: [value.value] };
      },
    },
  },
};
