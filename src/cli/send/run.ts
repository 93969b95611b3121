import { type Message, SmtpError } from "../../index.ts";
import type { Journal } from "../../journal/index.ts";
import type { SmtpPool } from "../../pool/index.ts";

import { EX, type ExitStatus } from "../exit-status.ts";
import { CommandFailure, errorText } from "../failure.ts";
import type { InputAmount, InputMessages, InputTotal, Origin } from "../input/index.ts";
import type { JsonLines } from "../output/json-lines.ts";
import type { Shell } from "../shell.ts";
import { journalFailure, unknownFates } from "./journal.ts";
import type { SendPlan } from "./plan.ts";
import { startProgress, summary } from "./progress.ts";
import { problemLine, recipientLines } from "./results.ts";
import { Speed } from "./speed.ts";
import { Tally } from "./tally.ts";
import { watch } from "./watchers.ts";

/** What a run works with. */
export interface SendRun {
  readonly plan: SendPlan;
  readonly shell: Shell;
  readonly messages: InputMessages;
  readonly results: JsonLines;
  readonly pool: SmtpPool;
  readonly journal: Journal | undefined;
}

/** Sends messages through a pool, prints their fates, and ends the pool. @throws CommandFailure where it can't */
export async function runSend(run: SendRun): Promise<ExitStatus> {
  const { plan, shell, messages, results, pool, journal } = run;
  const { stderr, stdout } = shell;
  const tally = new Tally();
  const start = performance.now();
  /** Stops reading; what is on the wire is waited for. */
  const ending = new AbortController();
  /** Waits for nothing. */
  const stopping = new AbortController();
  pool.on("messageEnd", ({ bytes }) => {
    tally.octets += bytes;
  });
  results.lost.addEventListener("abort", () => ending.abort(), { once: true });

  let read: InputAmount = { files: 0, octets: 0 };
  let total: InputTotal | undefined;
  messages.total().then(
    (known) => {
      total = known;
    },
    () => undefined, // reading says what is wrong
  );
  const watched = {
    tally,
    speed: new Speed(start),
    reading: () => ({
      fraction: total === undefined ? undefined : read[total.unit] / Math.max(total.amount, 1),
      messages: tally.read,
    }),
    inFlight: () => pool.pending,
  };
  const say = (text: string): void => {
    if (plan.quiet) return;
    progress?.clear();
    stderr.write(`${text}\n`);
  };
  const progress = plan.quiet ? undefined : await startProgress(stderr, watched);
  const watchers = await watch(pool, plan).catch((error: unknown) => {
    progress?.stop();
    throw error;
  });
  for (const { told } of watchers) if (told !== undefined) say(told);

  const forgetInterrupts = shell.onInterrupt(() => {
    if (!ending.signal.aborted) {
      ending.abort();
      say(`Ending: ${pool.pending} messages are in flight. Ctrl-C once more stops at once.`);
    } else {
      stopping.abort();
      pool.destroy();
    }
  });

  const print = async (lines: readonly unknown[]): Promise<void> => {
    if (stdout.isTTY === true && lines.length > 0) progress?.clear();
    for (const line of lines) await results.write(line);
  };

  /** Whether the message at hand goes to the pool. */
  let passed = false;
  async function* readable(): AsyncGenerator<Message<Origin>> {
    for await (const input of messages) {
      read = input.read;
      tally.read++;
      if (input.problem !== undefined) {
        tally.addProblem(input.problem);
        if (plan.printed !== "none") await print([problemLine(input.problem, new Date())]);
        continue;
      }
      passed = false;
      yield plan.requireAll ? { ...input.message, requireAllRecipients: true } : input.message;
      if (!passed) tally.skipped++;
    }
  }

  async function* outgoing(): AsyncGenerator<Message<Origin>> {
    let connected = false;
    for await (const message of journal === undefined ? readable() : journal.resume(readable())) {
      passed = true;
      // Only once there is something to be sent; and better one word about it than a fate for each message.
      if (!connected) await connect(pool, ending.signal);
      connected = true;
      yield message;
    }
  }

  /** Why there is nothing to be told. */
  let failed: { readonly error: unknown } | undefined;
  /** What went wrong besides the sending. */
  const lost: unknown[] = [];
  try {
    for await (const delivery of pool.deliver(outgoing(), { signal: ending.signal })) {
      tally.add(delivery);
      const lines = recipientLines(delivery, new Date());
      await print(lines.filter(({ status }) => isPrinted(status, plan.printed)));
    }
  } catch (error) {
    if (!ending.signal.aborted && journal?.error === undefined) failed = { error };
  } finally {
    if (pool.pending === 0 && !ending.signal.aborted) await pool.quit({ signal: stopping.signal });
    else pool.destroy();
    progress?.stop();
    forgetInterrupts();
  }
  const interrupted = ending.signal.aborted && results.failure === undefined;
  await results.end();
  for (const { end } of watchers) await end().catch((error: unknown) => lost.push(error));
  if (failed !== undefined) throw failed.error;
  if (plan.journal !== undefined && journal?.error !== undefined) {
    lost.push(journalFailure(journal.error, plan.journal.folder));
  }
  const held = journal === undefined || journal.error !== undefined ? undefined : await unknownFates(journal);
  const { failure } = results;
  if (!plan.quiet && !isBrokenPipe(failure)) {
    stderr.write(summary(tally, performance.now() - start, held));
  }
  if (failure !== undefined && !isBrokenPipe(failure)) {
    throw new CommandFailure(EX.IOERR, `The results can't be written: ${errorText(failure)}`, {
      cause: failure,
    });
  }
  if (lost.length > 0) throw lost[0];
  if (interrupted) return EX.INTERRUPTED;
  if (failure !== undefined) return EX.IOERR;
  return tally.statusWith(held?.length ?? 0);
}

function isPrinted(status: string, printed: SendPlan["printed"]): boolean {
  return printed === "all" || (printed === "failures" && status !== "succeeded");
}

/** Whoever read the results has seen enough: nothing is to be said about it. */
function isBrokenPipe(error: Error | undefined): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "EPIPE";
}

const CREDENTIALS: ReadonlySet<string> = new Set([
  "ESMTP_AUTH_FAILED",
  "ESMTP_AUTH_INSECURE",
  "ESMTP_AUTH_REQUIRED",
  "ESMTP_AUTH_UNAVAILABLE",
]);

async function connect(pool: SmtpPool, signal: AbortSignal): Promise<void> {
  try {
    await pool.connect({ signal });
  } catch (error) {
    if (!(error instanceof SmtpError) || signal.aborted) throw error;
    const { code, message, reply } = error;
    const forNow = reply !== undefined && reply.code >= 400 && reply.code < 500;
    const status = CREDENTIALS.has(code) ? EX.NOPERM : forNow ? EX.TEMPFAIL : EX.UNAVAILABLE;
    throw new CommandFailure(status, `Nothing was sent: ${message} (${code})`, { cause: error });
  }
}
