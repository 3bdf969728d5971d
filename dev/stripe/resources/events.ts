import { invalidParameter } from "../errors.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { found } from "./shared.ts";

const LIST = {
  ...PAGE,
  created,
  delivery_success: p.boolean,
  type: p.text,
  types: p.list(p.text),
};
const MAX_TYPES = 20;

/** The endpoints under /v1/events. */
export const eventRoutes = [
  route("GET", "/v1/events", { optional: LIST }, (context, params) => {
    const types = params.types ?? (params.type === undefined ? undefined : [params.type]);
    if (types !== undefined && types.length > MAX_TYPES) {
      throw invalidParameter("types", `You may pass at most ${MAX_TYPES} types.`);
    }
    const wanted = params.delivery_success;
    const undelivered = new Set(
      [...context.store.deliveries.values()]
        .filter((delivery) => delivery.state !== "delivered")
        .map((delivery) => delivery.event),
    );
    const rows = [...context.store.events.values()]
      .filter((row) => types === undefined || types.some((type) => isOfType(row.type, type)))
      .filter((row) => isCreatedIn(row.created, params.created))
      .filter((row) => wanted === undefined || wanted !== undelivered.has(row.id));
    return page(rows, params, "/v1/events");
  }),
  route("GET", "/v1/events/:id", {}, (context, _params, id) =>
    found(context.store.events, "event", id),
  ),
];

/** `customer.*` stands for every type that starts so. */
function isOfType(type: string, wanted: string): boolean {
  return wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}
