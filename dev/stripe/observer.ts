import type { Route } from "./route.ts";
import type { StoredEvent } from "./store.ts";

/** A call of an endpoint and what came of it. */
export type Exchange = {
  route: Route;
  /** As read from the query and the form. */
  params: Record<string, unknown>;
  /** Who asks, by the header User-Agent. */
  client: string;
  status: number;
  /** JSON, also where a fault kept it from being sent. */
  body: string;
};

/** Is told what passes through an emulator. It must not throw. */
export type Observer = {
  answered(exchange: Exchange): void;
  /** An event, as it is before the first attempt to deliver it. */
  published(event: StoredEvent): void;
};
