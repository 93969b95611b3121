import { Redis } from "ioredis";
import { SmtpProducer } from "smtp-pipelining/worker";
import { startRedis } from "../../examples/worker/redis.ts";
import { startProcess } from "../process.ts";
import type { QueueCosts } from "../results.ts";
import type { Client } from "./client.ts";
import { messages } from "./library.ts";
import type { WorkerQuestions } from "./queue-worker.ts";
import { recipients, SENDER, type Work } from "./work.ts";

// Workers of a queue, each in a process of its own, and a Redis: it writes everything to its disk, once a second.

/** Between two looks whether all is delivered: milliseconds. */
const LOOK = 10;

/** How many messages are added at a time. */
const BULK = 500;

const NOTHING: QueueCosts = { adding: 0, processor: 0, redisProcessor: 0, redisMemory: 0, redisLeft: 0 };

let queues = 0;

/** This library's workers. @param stored whether the texts are in Redis; else the workers make them of a reference */
export async function queue(count: number, stored: boolean): Promise<Client> {
  const redis = await startRedis("everysec");
  process.once("exit", () => redis.kill());
  const { connection } = redis;
  const ask = new Redis(connection);
  const file = new URL("queue-worker.js", import.meta.url);
  const workers = Array.from({ length: count }, () => startProcess<WorkerQuestions>(file));
  let costs = NOTHING;

  const info = async (section: "memory" | "cpu", ...fields: readonly string[]): Promise<number> => {
    const said = await ask.info(section);
    const values = fields.map((field) => Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(said)?.[1]));
    return values.reduce((sum, value) => sum + value);
  };
  const redisProcessor = async (): Promise<number> =>
    1_000 * (await info("cpu", "used_cpu_user", "used_cpu_sys"));

  return {
    run: async (work) => {
      await ask.flushall();
      const name = `bench-${++queues}`;
      const producer = new SmtpProducer({ connection, queue: name });
      await producer.ready();
      const empty = await info("memory", "used_memory");
      const before = await redisProcessor();
      const adding = await add(producer, work, stored);
      const queued = await info("memory", "used_memory");

      const start = performance.now();
      await Promise.all(workers.map((worker) => worker.ask("start", connection, name, work)));
      await untilEmpty(producer);
      const milliseconds = performance.now() - start;
      const used = await redisProcessor();
      const processors = await Promise.all(workers.map((worker) => worker.ask("stop")));
      await producer.close();
      const left = await info("memory", "used_memory");
      costs = {
        adding: costs.adding + adding,
        processor: costs.processor + processors.reduce((sum, each) => sum + each, 0),
        redisProcessor: costs.redisProcessor + used - before,
        redisMemory: costs.redisMemory + queued - empty,
        redisLeft: costs.redisLeft + left - empty,
      };
      return milliseconds;
    },
    queued: () => {
      const since = costs;
      costs = NOTHING;
      return since;
    },
  };
}

/** @returns milliseconds */
async function add(producer: SmtpProducer, work: Work, stored: boolean): Promise<number> {
  const all = stored
    ? [...messages(work)].map(({ from, to, data }) => ({ from, to, data: data as Uint8Array }))
    : Array.from({ length: work.messages }, (_, i) => ({
        from: SENDER,
        to: recipients(work, i),
        ref: { letter: i },
      }));
  const start = performance.now();
  for (let at = 0; at < all.length; at += BULK) await producer.addBulk(all.slice(at, at + BULK));
  return performance.now() - start;
}

/** Fulfils when every message is delivered. @throws Error if one was not */
async function untilEmpty(producer: SmtpProducer): Promise<void> {
  for (;;) {
    const { waiting, active, delayed, held, failed } = await producer.depth();
    if (delayed + held + failed > 0) throw new Error("Not every message of the queue was delivered");
    if (waiting + active === 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}
