import { setTimeout as delay } from "node:timers/promises";
import { Registry } from "prom-client";
import { UsageError } from "../deliver/arguments.ts";
import { startLatencyProxy } from "../deliver/latency.ts";
import type { Output } from "../deliver/screen.ts";
import { makePlan, type Plan, USAGE } from "./arguments.ts";
import { mail } from "./mail-mix.ts";
import { startMailServer } from "./mail-server.ts";
import { type MetricsServer, startMetricsServer } from "./metrics-server.ts";
import { progress, summary, totals } from "./report.ts";
import { Sender } from "./sender.ts";
import { Tally } from "./tally.ts";

/** How far away the mail server stands: milliseconds each way. */
const ONE_WAY = 3;
/** Mail comes in bursts, as from a program that reads a queue: milliseconds between two. */
const BURST = 250;

/** What the program gets from its surroundings. */
export interface Surroundings {
  readonly args: readonly string[];
  readonly out: Output;
  readonly errors: Output;
  /** Ends it, in good order. */
  readonly signal: AbortSignal;
}

/** Sends mail and serves its metrics. Returns the exit status: 0 done, 1 can't listen, 2 wrong arguments. */
export async function main({ args, out, errors, signal }: Surroundings): Promise<number> {
  let plan: Plan;
  try {
    plan = makePlan(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    errors.write(`${error.message}\n\nNothing was sent. npm run example:scrape -- --help says more.\n`);
    return 2;
  }
  if (plan.help) {
    out.write(USAGE);
    return 0;
  }
  const register = new Registry();
  let metrics: MetricsServer;
  try {
    metrics = await startMetricsServer(register, plan);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    errors.write(`Can't serve metrics: ${why}\nGive another --port (0 is any free one) or --host.\n`);
    return 1;
  }
  const print = (...lines: readonly string[]): unknown => out.write(`${lines.join("\n")}\n`);
  const until = plan.seconds > 0 ? `for ${plan.seconds} s` : "until Ctrl-C";
  print(`Scrape ${metrics.url}`, `Sending ${plan.rate} messages a second ${until}`);

  const tally = new Tally();
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1_000;
  const ticker = setInterval(() => print(progress(tally, seconds(), width(out))), 1_000);
  try {
    await sendMail(plan, register, tally, signal);
  } finally {
    clearInterval(ticker);
  }
  print("", ...summary(tally, seconds(), width(out)));
  if (plan.json) print("", totals(tally));

  if (plan.linger > 0) await pause(plan.linger * 1_000, signal);
  await metrics.close();
  return 0;
}

/** Columns that a line may have: in a file as many as it likes. */
function width({ isTTY, columns }: Output): number {
  return isTTY ? columns || 80 : Number.POSITIVE_INFINITY;
}

async function sendMail(
  { seconds, rate }: Plan,
  register: Registry,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const server = await startMailServer();
  const proxy = await startLatencyProxy(server, ONE_WAY);
  const sender = new Sender(proxy, register, tally);
  const total = seconds > 0 ? Math.ceil(seconds * rate) : Number.POSITIVE_INFINITY;
  const began = performance.now();
  for (let sent = 0; sent < total && !signal.aborted; ) {
    const due = Math.ceil(((performance.now() - began + BURST) / 1_000) * rate);
    while (sent < Math.min(due, total) && !signal.aborted) await sender.send(mail(sent++));
    await pause(BURST, signal);
  }
  await sender.quit();
  await proxy.close();
  await server.close();
}

/** Waits, or until it is stopped. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch {
    // Stopped: the caller sees the signal.
  }
}
