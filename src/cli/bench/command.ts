import { type SessionOptions, SmtpSession } from "../../index.ts";
import type { RunCommand } from "../command.ts";
import { EX } from "../exit-status.ts";
import { CommandFailure, errorText, usageFailure } from "../failure.ts";
import { count, rate } from "../output/amounts.ts";
import { startTicker } from "../output/ticker.ts";
import { loadServer, planServer, SERVER_SHAPES, shownServer } from "../server.ts";
import { measure } from "./measure.ts";
import { type BenchReport, print, type Way, type WayReport } from "./report.ts";
import { texts } from "./text.ts";

const MESSAGES = 1_000;
const TIME = 30_000;
const SIZE = 4_096;

/** Measures a server, and prints a report. */
export const bench: RunCommand = async (given, { env, stdout, stderr, onInterrupt }) => {
  const url = given.text("server") ?? env["SMTP_SERVER"];
  if (!url) throw usageFailure(`--server is missing: write --server ${SERVER_SHAPES.split(",")[0]}`);
  const to = given.texts("to");
  const from = given.text("from") ?? to[0] ?? "";
  const messages = given.integer("messages") ?? MESSAGES;
  const time = given.milliseconds("time") ?? TIME;
  const size = given.octets("size") ?? SIZE;
  const connections = given.integer("connections") ?? 1;
  const json = given.flag("json");
  const session = await loadServer(planServer(url, given, env));

  const ending = new AbortController();
  const forgetInterrupts = onInterrupt(() => ending.abort());
  try {
    const facts = await survey(session, ending.signal);
    const ways: WayReport[] = [];
    const waysThere: Way[] = to.length === 0 ? [] : ["lock-step"];
    if (to.length > 0 && facts.pipelining) waysThere.push("DATA");
    if (to.length > 0 && facts.chunking) waysThere.push("CHUNKING");
    const textOf = texts(size, from, to);
    for (const way of waysThere) {
      if (ending.signal.aborted) break;
      let taken = 0;
      const start = performance.now();
      const ticker = startTicker(stderr, () => {
        const perSecond = (taken / (performance.now() - start)) * 1_000;
        return `${way}: ${count(taken)} of ${count(messages)} messages, ${rate(perSecond)}/s`;
      });
      try {
        const measured = await measure(way, {
          session,
          connections,
          messages,
          time,
          message: () => ({ from, to, data: textOf() }),
          taken: () => void taken++,
          signal: ending.signal,
        });
        ways.push({ ...measured, ...timesLockStep(measured, [...ways, measured]) });
      } finally {
        ticker.stop();
      }
    }
    const report: BenchReport = { server: shownServer(session), ...facts, connections, size, ways };
    stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : print(report));
    if (ending.signal.aborted) return EX.INTERRUPTED;
    return ways.every(({ failed }) => failed === 0) ? EX.OK : EX.UNAVAILABLE;
  } catch (error) {
    if (ending.signal.aborted) return EX.INTERRUPTED;
    if (error instanceof CommandFailure) throw error;
    const { code } = error as { readonly code?: unknown };
    if (typeof code !== "string" || !code.startsWith("ESMTP_")) throw error;
    throw new CommandFailure(EX.UNAVAILABLE, `No session: ${errorText(error)} (${code})`, { cause: error });
  } finally {
    forgetInterrupts();
  }
};

/** Looks at the server, and sends it nothing but NOOP. Rejects if there is no session. */
async function survey(
  options: SessionOptions,
  signal: AbortSignal,
): Promise<Pick<BenchReport, "roundTripMs" | "pipelining" | "chunking">> {
  const session = new SmtpSession({ ...options, signal });
  await session.connect();
  let roundTripMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    await session.noop();
    roundTripMs = Math.min(roundTripMs, performance.now() - start);
  }
  const pipelining = session.supports("PIPELINING") !== false;
  const chunking = session.supports("CHUNKING") !== false;
  await session.quit();
  return { roundTripMs, pipelining, chunking };
}

function timesLockStep(
  { messagesPerSecond }: Pick<WayReport, "messagesPerSecond">,
  ways: readonly Pick<WayReport, "way" | "messagesPerSecond">[],
): Pick<WayReport, "timesLockStep"> {
  const lockStep = ways.find(({ way }) => way === "lock-step");
  if (lockStep === undefined || lockStep.messagesPerSecond === 0) return {};
  return { timesLockStep: messagesPerSecond / lockStep.messagesPerSecond };
}
