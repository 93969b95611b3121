import { SmtpError } from "../../index.ts";
import { Journal } from "../../journal/index.ts";
import { EX } from "../exit-status.ts";
import { CommandFailure } from "../failure.ts";
import type { JournalPlan } from "./plan.ts";
import type { UnknownFate } from "./tally.ts";

/** What is finished is remembered for so long: nobody repeats a command later than that. Ten years. */
const KEPT = 315_360_000_000;

/** Opens a run's journal, and lets what is unknown be sent again if that is asked for. @throws CommandFailure */
export async function openJournal({ folder, resendUnknown }: JournalPlan): Promise<Journal> {
  try {
    const journal = await Journal.open(folder, { keep: KEPT });
    if (resendUnknown) await journal.resend();
    return journal;
  } catch (error) {
    throw journalFailure(error, folder);
  }
}

/** What to say of an error, if it is a journal's. */
export function journalFailure(error: unknown, folder: string): unknown {
  if (!(error instanceof SmtpError) || !error.code.startsWith("ESMTP_JOURNAL")) return error;
  const { code, message, cause } = error;
  const missing = (cause as { code?: unknown } | undefined)?.code === "ERR_MODULE_NOT_FOUND";
  const status = missing ? EX.UNAVAILABLE : code === "ESMTP_JOURNAL_LOCKED" ? EX.TEMPFAIL : EX.IOERR;
  return new CommandFailure(status, `--journal ${folder}: ${message} (${code})`, { cause: error });
}

/** Those whose fate a journal does not know, of this run and of earlier ones. */
export async function unknownFates(journal: Journal): Promise<UnknownFate[]> {
  const fates: UnknownFate[] = [];
  for await (const { id, recipients } of journal.unknown()) {
    for (const { address, state } of recipients) if (state === "unknown") fates.push({ id, address });
  }
  return fates;
}
