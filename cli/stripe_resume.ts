/** npm run stripe:resume: lets workers call Stripe again, without waiting for the next probe. */
import { asOperator, argumentsOf, runCommand } from "./operator.ts";

const USAGE = `Usage: npm run stripe:resume

Ends the pause that Stripe's refusal of our key (401, 403) brought about, in the database in
MIGRATION_DATABASE_URL or in the embedded one of a running \`npm start\`. When Stripe refuses the key
again, the pause begins again; nothing is lost.`;

await runCommand("stripe:resume", async (args) => {
  const options = { help: { type: "boolean", default: false } } as const;
  const { values } = argumentsOf(args, options, USAGE, { allowPositionals: false });
  if (values.help) return console.log(USAGE);
  const resumed = await asOperator(async (client) => {
    const { rows } = await client.query<{ resumed: boolean }>(
      "select app_private.resume_stripe('an operator') as resumed",
    );
    return rows[0]?.resumed === true;
  });
  console.log(resumed ? "Stripe work goes on." : "Stripe work was not paused.");
});
