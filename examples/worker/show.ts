import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { TestServer } from "smtp-pipelining/testing";
import { SmtpProducer } from "smtp-pipelining/worker";
import { number } from "../deliver/screen.ts";
import type { Plan } from "./arguments.ts";
import { type Letter, message } from "./load.ts";
import { startMailServer } from "./mail-server.ts";
import { type OwnRedis, startRedis } from "./redis.ts";
import { summary } from "./summary.ts";
import type { Did, Told } from "./worker.ts";

type Print = (line: string) => void;

/** How many messages are added at a time. */
const BULK = 500;

/** What the program gets from its surroundings. */
export interface Surroundings {
  readonly print: Print;
  readonly complain: Print;
  /** Ends it early: what it started is gone then. */
  readonly signal: AbortSignal;
}

/** Adds messages, has them delivered, and tells of it. Fulfils with the exit status. */
export async function show(plan: Plan, { print, complain, signal }: Surroundings): Promise<number> {
  let redis: OwnRedis;
  try {
    redis = await startRedis("everysec");
  } catch (error) {
    complain(`There is no Redis: ${error instanceof Error ? error.message : error}`);
    complain("On Debian: apt-get install redis-server");
    return 1;
  }
  const server = await startMailServer(plan.messages);
  const producer = new SmtpProducer<Letter>({ connection: redis.connection });
  const ports = [redis.connection.port, server.port];
  const workers = [0, 1].map((i) => startWorker(...ports, plan.port === 0 ? 0 : plan.port + i));
  try {
    for (const { url } of workers) print(`Scrape ${await url}`);
    const began = performance.now();
    await add(producer, plan.messages);
    await untilIdle(producer, print, signal);
    const decided = await decide(producer, server);
    await untilIdle(producer, print, signal);
    const seconds = (performance.now() - began) / 1_000;
    if (plan.linger > 0) {
      print(`The metrics stay for ${plan.linger} s`);
      await delay(plan.linger * 1_000, undefined, { signal });
    }
    const did = await Promise.all(workers.map(({ close }) => close()));
    const { lines, right } = summary({ messages: plan.messages, seconds, did, decided, server });
    for (const line of lines) print(line);
    return right ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    complain("Stopped.");
    return 1;
  } finally {
    for (const { child } of workers) child.kill("SIGKILL");
    await producer.close();
    await server.close();
    await redis.close();
  }
}

interface OwnWorker {
  readonly child: ChildProcess;
  /** Where its metrics are. Rejects if it ends before it runs. */
  readonly url: Promise<string>;
  /** Lets it end. Fulfils with what it did. */
  close(): Promise<Did>;
}

function startWorker(...ports: readonly number[]): OwnWorker {
  const path = fileURLToPath(new URL("worker.ts", import.meta.url));
  const child = fork(path, ports.map(String), { execArgv: ["--import", "tsx"] });
  const next = async (): Promise<Told> => {
    const ended = new AbortController();
    child.once("exit", (status) => ended.abort(new Error(`a worker ended with ${status}`)));
    const [told] = (await once(child, "message", { signal: ended.signal })) as [Told];
    return told;
  };
  const url = next().then((told) => ("url" in told ? told.url : ""));
  url.catch(() => undefined);
  return {
    child,
    url,
    close: async () => {
      const told = next();
      child.send("close");
      const last = await told;
      if (!("did" in last)) throw new Error("a worker said what nobody asked for");
      return last.did;
    },
  };
}

async function add(producer: SmtpProducer<Letter>, messages: number): Promise<void> {
  for (let at = 0; at < messages; at += BULK) {
    const some = Array.from({ length: Math.min(BULK, messages - at) }, (_, i) => message(at + i));
    await producer.addBulk(some);
  }
}

/** Fulfils when nothing is left but what is held. */
async function untilIdle(producer: SmtpProducer<Letter>, print: Print, signal: AbortSignal): Promise<void> {
  for (let look = 0; ; look++) {
    const { waiting, active, delayed, held, failed } = await producer.depth();
    if (waiting + active + delayed === 0) return;
    if (look % 5 === 0) {
      const states = { waiting, active, delayed, held, failed };
      print(
        Object.entries(states)
          .map(([state, count]) => `${number(count).padStart(8)} ${state}`)
          .join(""),
      );
    }
    await delay(100, undefined, { signal });
  }
}

/** What became of the messages whose fate was unknown. */
export interface Decided {
  /** Found in the mail server's log. */
  readonly settled: number;
  /** Not found there, and sent again. */
  readonly released: number;
}

/** Does what an operator does with messages that are held: looks them up in the mail server's log. */
async function decide(producer: SmtpProducer<Letter>, server: TestServer): Promise<Decided> {
  const log = new Set(server.messages.flatMap(({ to }) => to));
  const decided = { settled: 0, released: 0 };
  for (const { id, unknown } of await producer.held.list()) {
    const arrived = unknown.every((address) => log.has(address));
    if (arrived) await producer.held.settle(id, "succeeded");
    else await producer.held.release(id);
    decided[arrived ? "settled" : "released"]++;
  }
  return decided;
}
