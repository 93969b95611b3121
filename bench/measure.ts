import { spawnSync } from "node:child_process";
import type { Build } from "./build.ts";
import type { ClientQuestions } from "./client/main.ts";
import type { Work } from "./client/work.ts";
import { startProcess, type Worker } from "./process.ts";
import type { ProxyQuestions } from "./proxy/main.ts";
import type { Row, Run, ScenarioResult } from "./results.ts";
import type { Entry, Scenario } from "./scenarios.ts";
import type { SinkQuestions } from "./sink/main.ts";
import { findSmtpSource, runSmtpSource } from "./smtp-source.ts";
import { QUEUES } from "./variants.ts";

/** The processes that all clients talk to. */
export interface Servers {
  readonly sink: Worker<SinkQuestions>;
  readonly proxy: Worker<ProxyQuestions>;
}

interface Runner {
  run(work: Work, times: number): Promise<Pick<Run, "milliseconds" | "processor" | "queue">>;
  heap(work: Work): Promise<number | undefined>;
  peakMemory(): Promise<number | undefined>;
  close(): void;
}

function redisIsThere(): boolean {
  return spawnSync("redis-server", ["--version"]).status === 0;
}

/** A client's process; undefined if the program is not installed. */
function startRunner({ variant }: Entry, build: Build): Runner | undefined {
  if (variant in QUEUES && !redisIsThere()) return undefined;
  if (variant !== "smtp-source") {
    const client = startProcess<ClientQuestions>(build.file("client/main"), {
      args: [variant],
      execArgv: ["--expose-gc"],
    });
    return {
      run: (work, times) => client.ask("run", work, times),
      heap: (work) => client.ask("heap", work),
      peakMemory: () => client.ask("peakMemory"),
      close: () => client.close(),
    };
  }
  const program = findSmtpSource();
  if (program === undefined) return undefined;
  return {
    run: async (work, times) => {
      let milliseconds = 0;
      for (let i = 0; i < times; i++) milliseconds += await runSmtpSource(program, work);
      return { milliseconds };
    },
    heap: async () => undefined,
    peakMemory: async () => undefined,
    close: () => undefined,
  };
}

/** An entry under way. */
class Measuring {
  readonly entry: Entry;
  readonly #scenario: Scenario;
  readonly #servers: Servers;
  readonly #runner: Runner;
  readonly #runs: Run[] = [];
  #peakMemory: number | undefined;
  #heap: number | undefined;
  failed: string | undefined;

  constructor(scenario: Scenario, entry: Entry, servers: Servers, runner: Runner) {
    this.entry = entry;
    this.#scenario = scenario;
    this.#servers = servers;
    this.#runner = runner;
  }

  /** One that failed is not tried again: its row says why. */
  async #attempt(task: () => Promise<void>): Promise<void> {
    if (this.failed !== undefined) return;
    try {
      await task();
    } catch (error) {
      this.failed = error instanceof Error ? error.message : String(error);
    }
  }

  async warmUp(): Promise<void> {
    const { work, warmUp } = this.#scenario;
    await this.#attempt(async () => {
      await this.#onPort(undefined, { ...work, ...warmUp }, 1, async (full) => {
        await this.#runner.run(full, 1);
      });
    });
  }

  async round(): Promise<void> {
    const { messages } = this.#work;
    const { times = 1 } = this.entry;
    await this.#attempt(async () => {
      const { roundTrip } = this.#scenario;
      const work = { ...this.#work, messages: this.entry.sample ?? messages };
      const run = await this.#onPort(roundTrip, work, times, (full) => this.#runner.run(full, times));
      const { milliseconds, processor, queue } = run.value;
      this.#runs.push({
        milliseconds: milliseconds / times,
        ...(processor !== undefined && { processor: processor / times }),
        ...(queue !== undefined && { queue }),
        ...run.passed,
      });
    });
  }

  async finish(): Promise<void> {
    await this.#attempt(async () => {
      // Before what measures the heap, which adds to it.
      this.#peakMemory = await this.#runner.peakMemory();
      if (this.#scenario.heap !== true) return;
      const { value } = await this.#onPort(undefined, this.#work, 1, (full) => this.#runner.heap(full));
      this.#heap = value;
    });
    this.#runner.close();
  }

  row(): Row {
    const { entry, failed } = this;
    const { messages, octets } = this.#work;
    return {
      variant: entry.variant,
      title: entry.title,
      messages,
      ...(entry.sample !== undefined && { scaledFrom: entry.sample }),
      octets: messages * octets,
      runs: this.#runs,
      ...(this.#peakMemory !== undefined && { peakMemory: this.#peakMemory }),
      ...(this.#heap !== undefined && { heap: this.#heap }),
      ...(failed !== undefined && { failed }),
    };
  }

  get #work(): Scenario["work"] {
    const { work } = this.#scenario;
    return { ...work, messages: this.entry.messages ?? work.messages };
  }

  /** Opens ports for a task, and sees that everything came. */
  async #onPort<T>(
    roundTrip: number | undefined,
    work: Scenario["work"],
    times: number,
    task: (work: Work) => Promise<T>,
  ): Promise<{ readonly value: T; readonly passed: Pick<Run, "roundTrips" | "inSequence"> }> {
    const { sink, proxy } = this.#servers;
    const target = await sink.ask("open");
    const through = roundTrip === undefined ? undefined : await proxy.ask("open", target, roundTrip);
    try {
      const value = await task({ ...work, port: through ?? target });
      const { messages, recipients } = await sink.ask("close", target);
      const expected = work.messages * times;
      if (messages !== expected || recipients !== expected * work.recipients) {
        throw new Error(`The sink took ${messages} messages to ${recipients} recipients of ${expected}`);
      }
      if (through === undefined) return { value, passed: {} };
      const { roundTrips, inSequence } = await proxy.ask("close", through);
      return { value, passed: { roundTrips, inSequence } };
    } catch (error) {
      await sink.ask("close", target).catch(() => undefined);
      if (through !== undefined) await proxy.ask("close", through).catch(() => undefined);
      throw error;
    }
  }
}

/**
 * Measures a scenario: each round runs every entry once, in an order that rotates, so that what disturbs the machine
 * disturbs all.
 */
export async function measure(
  scenario: Scenario,
  options: {
    readonly build: Build;
    readonly servers: Servers;
    readonly rounds: number;
    progress(text: string): void;
  },
): Promise<ScenarioResult> {
  const { build, servers, rounds, progress } = options;
  const leftOut: string[] = [];
  const all: Measuring[] = [];
  for (const entry of scenario.entries) {
    const runner = startRunner(entry, build);
    if (runner === undefined) leftOut.push(`${entry.title}: not installed on this machine`);
    else all.push(new Measuring(scenario, entry, servers, runner));
  }
  for (const each of all) {
    progress(`${scenario.name}: warming up: ${each.entry.title}`);
    await each.warmUp();
  }
  const together = all.filter(({ entry }) => scenario.waiting.includes(entry.variant));
  const oneByOne = all.filter((each) => !together.includes(each));
  for (let round = 1; round <= rounds; round++) {
    const where = `${scenario.name}: round ${round} of ${rounds}`;
    if (together.length > 0) {
      progress(`${where}: ${together.map(({ entry }) => entry.title).join("; ")}`);
      await Promise.all(together.map((each) => each.round()));
    }
    for (let i = 0; i < oneByOne.length; i++) {
      const each = oneByOne[(round + i) % oneByOne.length];
      if (each === undefined) continue;
      progress(`${where}: ${each.entry.title}`);
      await each.round();
    }
  }
  for (const each of all) await each.finish();
  const { name, title, base } = scenario;
  return { name, title, base, rows: all.map((each) => each.row()), leftOut };
}
