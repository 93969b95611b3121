// A session, watched live in the terminal:
//
//   npm run example:live
//   npm run example:live -- --messages 2000 --latency 20 --window 50

import { parseArgs } from "node:util";
import { SmtpError, SmtpSession } from "smtp-pipelining";
import { runProgram, UsageError, withNegativeNumbers } from "../terminal/program.ts";
import { Flight } from "./flight.ts";
import { newsletter } from "./newsletter.ts";
import { startServer } from "./server.ts";
import { startView } from "./view.ts";

interface Plan {
  readonly messages: number;
  readonly latency: number;
  readonly window: number;
}

async function sendAndShow({ messages, latency, window }: Plan): Promise<number> {
  const server = await startServer(latency);
  const session = new SmtpSession({ host: server.host, port: server.port, window: { messages: window } });

  const flight = new Flight();
  session.on("sent", (event) => flight.sent(event));
  session.on("reply", (event) => flight.replied(event));
  session.on("groupEnd", (event) => flight.groupEnded(event));
  session.on("recipientSucceeded", () => flight.succeeded++);
  session.on("recipientFailed", (event) => flight.recipientFailed(event));
  session.on("recipientUnknown", () => flight.unknown++);
  session.on("messageEnd", (event) => flight.messageEnded(event));
  session.on("error", ({ error }) => {
    flight.error = error;
  });

  const interruption = new AbortController();
  const startedAt = now();
  const view = startView(process.stdout, process.env, flight, () => ({
    total: messages,
    startedAt,
    now: now(),
    pending: session.pending,
    inFlight: session.repliesOwed,
    state: session.state,
    interrupted: interruption.signal.aborted,
  }));
  // The first Ctrl-C ends it in good order, the second at once.
  const interrupt = (): void => {
    if (interruption.signal.aborted) session.destroy();
    else interruption.abort();
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    // The generator keeps the window full; all that is to be known of a delivery, the events told.
    for await (const _ of session.deliver(newsletter(messages), { signal: interruption.signal }));
  } catch (error) {
    if (!(error instanceof SmtpError && error.code === "ESMTP_ABORTED")) throw error;
  }
  await session.quit();
  process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  view.end();
  await server.close();
  if (interruption.signal.aborted) return 130;
  return flight.error === undefined ? 0 : 1;
}

const USAGE = `Sends messages and shows the session as it works: the command groups in flight, the fates, the rate.

  npm run example:live                       to a server of its own, which refuses some recipients
  npm run example:live -- [OPTION VALUE]...

  --messages N    how many messages (300)
  --latency MS    how far away the server stands: milliseconds there and back (50)
  --window N      messages begun or queued at most (20)

Drawn anew in place on a terminal, without colours if NO_COLOR is set; elsewhere one line a second.
Exit status: 0 all was sent, whatever became of the recipients; 1 the session failed; 2 wrong arguments;
130 interrupted (Ctrl-C settles what was begun; again: ends at once).
`;

await runProgram({
  command: "npm run example:live",
  usage: USAGE,
  run: (args) => sendAndShow(makePlan(args)),
});

function makePlan(args: readonly string[]): Plan {
  const option = { type: "string" } as const;
  const { values } = parseArgs({
    args: withNegativeNumbers(args),
    options: { messages: option, latency: option, window: option },
  });
  return {
    messages: integer("--messages", values.messages, 300, 1, 1_000_000),
    latency: integer("--latency", values.latency, 50, 0, 10_000),
    window: integer("--window", values.window, 20, 1, 100_000),
  };
}

function integer(name: string, text: string | undefined, usual: number, least: number, most: number): number {
  if (text === undefined) return usual;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${name} must be a whole number from ${least} to ${most}, not ${text}.`);
}

/** As the events tell it: epoch milliseconds. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
