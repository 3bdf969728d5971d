/** Workshops in which a plan is billed by seat. */
import { withClient } from "./index.ts";
import { test as base, type Workshop } from "./tasks.ts";

/** `test` with `seats`, where the plan pro is billed by seat and enterprise is not. */
export const test = base.extend<{ $file: { seats: Workshop } }>({
  seats: [
    async ({ workshop }, use) => {
      await withClient(workshop.database.urls.superuser, (client) =>
        client.query(
          "update app_public.plan_prices set is_billed_by_seat = true where plan_key = 'pro'",
        ),
      );
      await use(workshop);
    },
    { scope: "file" },
  ],
});
