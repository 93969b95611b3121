import { readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { answers } from "../process.ts";
import type { QueueCosts } from "../results.ts";
import type { VariantName } from "../variants.ts";
import type { Client } from "./client.ts";
import type { Work } from "./work.ts";

// One client under test, in a process of its own, so that neither memory nor garbage is another's.

/** What came out of a run. */
export interface ClientRun {
  /** From before the connect to the last message's answer. */
  readonly milliseconds: number;
  /** Processor time of the process, or of its workers: milliseconds. */
  readonly processor: number;
  /** Of a queue, where there is one. */
  readonly queue?: QueueCosts;
}

/** What the process of a client can be asked. */
export interface ClientQuestions {
  /** Does the work so many times; the sums of the times come back. */
  run(work: Work, times: number): Promise<ClientRun>;
  /** Octets that stay on the heap for this work while its session is open; undefined where that can't be told. */
  heap(work: Work): Promise<number | undefined>;
  /** The largest resident set of this process so far, octets. */
  peakMemory(): number;
}

// Only the one that is measured is loaded.
const CLIENTS: Readonly<Record<Exclude<VariantName, "smtp-source">, () => Promise<Client>>> = {
  data: async () => (await import("./library.ts")).library("off"),
  strict: async () => (await import("./library.ts")).library("strict"),
  bursts: async () => (await import("./library.ts")).library("auto"),
  nodemailer: async () => (await import("./nodemailer.ts")).nodemailer(1),
  "nodemailer-10": async () => (await import("./nodemailer.ts")).nodemailer(10),
  "nodemailer-4": async () => (await import("./nodemailer.ts")).nodemailer(4),
  "pool-data-1": async () => (await import("./pool.ts")).pool("off", 1),
  "pool-data-4": async () => (await import("./pool.ts")).pool("off", 4),
  "pool-bursts-1": async () => (await import("./pool.ts")).pool("auto", 1),
  "pool-bursts-4": async () => (await import("./pool.ts")).pool("auto", 4),
  "data-journal": async () => (await import("./journal.ts")).journaled("off", "resume"),
  "data-outbox": async () => (await import("./journal.ts")).journaled("off", "add"),
  "bursts-journal": async () => (await import("./journal.ts")).journaled("auto", "resume"),
  "bursts-outbox": async () => (await import("./journal.ts")).journaled("auto", "add"),
  "worker-1": async () => (await import("./queue.ts")).queue(1, true),
  "worker-2": async () => (await import("./queue.ts")).queue(2, true),
  "worker-1-refs": async () => (await import("./queue.ts")).queue(1, false),
  "worker-2-refs": async () => (await import("./queue.ts")).queue(2, false),
  "smtp-client": async () => (await import("./smtp-client.ts")).smtpClient(),
  "data-events": () => watched("off", "everyEvent"),
  "data-metrics": () => watched("off", "metrics"),
  "data-tracing": () => watched("off", "metricsAndTracing"),
  "bursts-events": () => watched("auto", "everyEvent"),
  "bursts-metrics": () => watched("auto", "metrics"),
  "bursts-tracing": () => watched("auto", "metricsAndTracing"),
};

async function watched(
  chunking: "off" | "auto",
  by: "everyEvent" | "metrics" | "metricsAndTracing",
): Promise<Client> {
  const { library } = await import("./library.ts");
  const watching = await import("./watching.ts");
  return library(chunking, watching[by]);
}

function peakMemory(): number {
  // What resourceUsage() says is at least what the parent had when it forked; Linux knows better.
  if (process.platform === "linux") {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
    if (kibibytes !== undefined) return Number(kibibytes) * 1_024;
  }
  return process.resourceUsage().maxRSS * 1_024;
}

const load: (() => Promise<Client>) | undefined = (
  CLIENTS as Readonly<Record<string, (() => Promise<Client>) | undefined>>
)[process.argv[2] ?? ""];
if (load === undefined) throw new Error(`There is no client ${process.argv[2]}`);
const loading = load();

answers<ClientQuestions>({
  run: async (work, times) => {
    const client = await loading;
    let milliseconds = 0;
    const used = process.cpuUsage();
    for (let i = 0; i < times; i++) milliseconds += await client.run(work);
    const { user, system } = process.cpuUsage(used);
    const queue = client.queued?.();
    return {
      milliseconds,
      processor: queue?.processor ?? (user + system) / 1_000,
      ...(queue !== undefined && { queue }),
    };
  },
  heap: async (work) => {
    const { gc } = globalThis;
    if (gc === undefined) throw new Error("This process needs --expose-gc");
    const client = await loading;
    return await client.heap?.(work, async () => {
      // What one collection finds to be finalized only a later one frees.
      for (let i = 0; i < 3; i++) {
        gc();
        await nextTurn();
      }
    });
  },
  peakMemory,
});
