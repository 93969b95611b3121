import { SmtpError, SmtpSession } from "smtp-pipelining";
import { makePlan, type Plan, shownUrl, USAGE, UsageError } from "./arguments.ts";
import { checkArrival } from "./arrival.ts";
import { type Arrival, type EmbeddedServer, startEmbeddedServer } from "./embedded-server.ts";
import { exampleRefusal } from "./envelopes.ts";
import { startLatencyProxy } from "./latency.ts";
import { messagesOf } from "./mail.ts";
import { Narrator } from "./narrator.ts";
import { type Output, Screen } from "./screen.ts";
import { closingLine, exitStatus, summary } from "./summary.ts";
import { Tally } from "./tally.ts";

/** How far away the embedded server stands: milliseconds each way. */
const ONE_WAY = 25;

/** What the program gets from its surroundings. */
export interface Surroundings {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  readonly errors: Output;
}

/** Sends the mail. Returns the exit status: 0 all went well, 1 somebody did not get it, 2 wrong arguments. */
export async function main({ args, env, out, errors }: Surroundings): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    out.write(USAGE);
    return 0;
  }
  let plan: Plan;
  try {
    plan = makePlan(args, env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    errors.write(`${error.message}\n\nNothing was sent. npm start -- --help says more.\n`);
    return 2;
  }
  const screen = new Screen(out, env);
  const tally = new Tally();
  if (plan.url === undefined) await deliverToEmbedded(plan, screen, tally);
  else await deliverTo(plan, plan.url, screen, tally, undefined);
  const embedded = plan.url === undefined;
  screen.print("", ...summary(tally, embedded), "", closingLine(tally, embedded));
  return exitStatus(tally);
}

async function deliverToEmbedded(plan: Plan, screen: Screen, tally: Tally): Promise<void> {
  const arrivals: Arrival[] = [];
  const server: EmbeddedServer = await startEmbeddedServer({
    refusal: exampleRefusal,
    arrived: (arrival) => arrivals.push(arrival),
    smtp: { size: 64 * 1_048_576 },
  });
  const proxy = await startLatencyProxy(server, ONE_WAY);
  try {
    await deliverTo(plan, `smtp://${proxy.host}:${proxy.port}`, screen, tally, arrivals);
  } finally {
    await proxy.close();
    await server.close();
  }
}

/** Sends all mails through one session. `arrivals` is what the server received, in order, if it is ours. */
async function deliverTo(
  plan: Plan,
  url: string,
  screen: Screen,
  tally: Tally,
  arrivals: Arrival[] | undefined,
): Promise<void> {
  const where =
    arrivals === undefined
      ? shownUrl(url)
      : `an embedded smtp-server ${2 * ONE_WAY} ms away (${ONE_WAY} ms each way)`;
  screen.print(`${plan.mails.length} ${plan.mails.length === 1 ? "message" : "messages"} to ${where}`);

  const began = performance.now();
  const session = new SmtpSession(url);
  tally.watch(session);
  const narrator = new Narrator(session, plan, screen, tally);
  try {
    for await (const delivery of session.deliver(messagesOf(plan.mails))) {
      if (arrivals === undefined || delivery.succeeded.length === 0 || delivery.tag === undefined) continue;
      // One connection: texts arrive in the order in which their messages are completed.
      const problem = await checkArrival(delivery.tag, delivery, arrivals.shift());
      tally.compared(delivery.tag, problem);
    }
  } catch (error) {
    // A file that can't be read any more; what was begun has its fate.
    tally.broken = error instanceof SmtpError ? error.message : String(error);
  }
  await session.quit();
  narrator.end();
  // Of a message whose fate is unknown the text may have arrived.
  if (tally.unknown === 0) for (const { from } of arrivals ?? []) tally.surplus(from);
  tally.wallMs = performance.now() - began;
}
