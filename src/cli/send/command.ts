import type { Journal } from "../../journal/index.ts";
import { SmtpPool } from "../../pool/index.ts";
import type { RunCommand } from "../command.ts";
import { EX } from "../exit-status.ts";
import { CommandFailure, usageFailure } from "../failure.ts";
import { InputError, readMessages } from "../input/index.ts";
import { jsonLines } from "../output/json-lines.ts";
import { loadServer, type ServerPlan } from "../server.ts";
import { dryRun } from "./dry-run.ts";
import { openJournal } from "./journal.ts";
import { planSend, type SendPlan } from "./plan.ts";
import { runSend } from "./run.ts";

/** A session may have so many messages in flight where nobody says otherwise. */
const WINDOW = 1_024;
/** Octets of text in memory, for each connection and those that wait. */
const BYTES = 16 * 1_048_576;

/** Sends what it reads, and prints what became of it. */
export const send: RunCommand = async (given, shell) => {
  const { env, stdin, stdout, stderr } = shell;
  const plan = planSend(given, { env, typed: stdin.isTTY === true });
  const reading = new AbortController();
  const messages = readMessages(plan.sources, { ...plan.input, stdin, signal: reading.signal });
  const results = jsonLines(stdout, { owned: false });
  let journal: Journal | undefined;
  try {
    if (plan.server === undefined) return await dryRun(messages, results, stderr);
    journal = plan.journal && (await openJournal(plan.journal));
    const pool = await openPool(plan, plan.server, journal);
    return await runSend({ plan, shell, messages, results, pool, journal });
  } catch (error) {
    if (error instanceof InputError) throw new CommandFailure(EX.NOINPUT, error.message, { cause: error });
    throw error;
  } finally {
    // What was not read keeps the process waiting.
    reading.abort();
    await journal?.close();
    if (plan.sources.includes("-")) stdin.destroy();
  }
};

async function openPool(plan: SendPlan, server: ServerPlan, journal: Journal | undefined): Promise<SmtpPool> {
  const session = await loadServer(server);
  const { connections, rate, patience } = plan;
  const window = session.window?.messages ?? WINDOW;
  try {
    return new SmtpPool({
      ...session,
      connections,
      ...(journal !== undefined && { journal }),
      // No more than the sessions can have in flight, and a few to come: what was read and not begun is in memory.
      queue: { messages: window * connections + (window >> 1) + 1, bytes: BYTES * (connections + 1) },
      ...(rate !== undefined && { rate: { messages: rate } }),
      ...(patience !== undefined && { patience }),
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw usageFailure(error.message);
  }
}
