import type { JobHelpers } from "graphile-worker";

import { MailRefusedError, type Letter, type Mailer } from "./mail.ts";

/**
 * Sends a job's mail. What is refused for good is logged and not tried again; any other failure is
 * thrown, and the queue tries later. `key` names the mail where the job is not the one that does.
 */
export async function sendMail(
  mailer: Mailer,
  { job, logger }: Pick<JobHelpers, "job" | "logger">,
  mail: Letter & { to: string },
  key: string = keyOf(job),
): Promise<"sent" | "refused"> {
  try {
    await mailer.send({ ...mail, key });
    return "sent";
  } catch (error) {
    if (!(error instanceof MailRefusedError)) throw error;
    logger.error(`The mail of job ${job.id} is given up. ${error.message}`);
    return "refused";
  }
}

/**
 * The same for each attempt of a job, so that the receiver can tell a repetition. The revision counts
 * the contents that a job was given anew; the time tells two databases' jobs apart.
 */
function keyOf({ id, revision, created_at: createdAt }: JobHelpers["job"]): string {
  return `job.${id}.${revision}.${createdAt.getTime().toString(36)}`;
}
