import { randomUUID } from "node:crypto";
import { type ConnectionOptions, Queue } from "bullmq";
import * as check from "../session/check.ts";
import { HeldMessages } from "./held.ts";
import { type JobData, type QueuedMessage, toJobData } from "./message.ts";
import { type QueueDepth, Records } from "./records.ts";
import { loadOpenTelemetry, traceHeaders } from "./trace.ts";

/** Where the queue is. */
export interface QueueLocation {
  /** Redis: BullMQ's `connection`, options of ioredis or a client. */
  connection: ConnectionOptions;
  /** The name of the queue. Default `"smtp"`. */
  queue?: string | undefined;
  /** What the names of its keys in Redis begin with. Default `"bull"`. */
  prefix?: string | undefined;
}

/** Options of {@link SmtpProducer}. */
export interface ProducerOptions extends QueueLocation {
  /**
   * For how long a message that was added is not added again under its id, also if it has been delivered and removed
   * since: milliseconds. Default 600,000. So an `add` may be repeated of which nobody knows whether it reached Redis.
   */
  remember?: number | undefined;
}

/** When a message is taken. */
export interface AddOptions {
  /** Not before so many milliseconds. Default 0. Its age counts from then. */
  delay?: number | undefined;
  /** From 1, the most urgent, to 2,097,152. Those without go before all that have one. Default: none. */
  priority?: number | undefined;
}

export const DEFAULT_QUEUE = "smtp";

/** How many are sent to Redis at a time: bounds what is held in memory for it. */
const BULK = 500;

const REMEMBER = 600_000;

export const LOCATION_FIELDS: Record<keyof QueueLocation, check.Check> = {
  connection: (value) => (check.isRecord(value) ? undefined : "must be options of ioredis, or a client"),
  queue: (value) =>
    typeof value === "string" && value !== "" && !value.includes(":")
      ? undefined
      : "must be a string without colons that is not empty",
  prefix: check.string,
};

const ADD_FIELDS: Record<keyof AddOptions, check.Check> = {
  delay: check.integer(0),
  priority: check.integer(1, 2_097_152),
};

/**
 * Adds messages to the queue that {@link SmtpWorker}s deliver from. Any number of producers on any number of machines
 * may use one queue.
 *
 * @example
 * const producer = new SmtpProducer({ connection: { host: "redis.example.org" } });
 * const id = await producer.add({ from: "shop@example.org", to: "ada@example.net", data: "Subject: Hi\r\n\r\nHello" });
 * await producer.close();
 */
export class SmtpProducer<R = unknown> {
  readonly #queue: Queue<JobData>;
  readonly #remember: number;
  readonly #records: Records;
  /** The messages whose fate is unknown. */
  readonly held: HeldMessages;

  /** Connects to Redis. @throws TypeError that names the option */
  constructor(options: ProducerOptions) {
    const fields = { ...LOCATION_FIELDS, remember: check.integer(0) };
    const { connection, queue, prefix, remember } = check.readRecord(
      options,
      fields,
      "options",
    ) as ProducerOptions;
    if (connection === undefined) throw new TypeError("options.connection is missing");
    this.#remember = remember ?? REMEMBER;
    this.#queue = new Queue(queue ?? DEFAULT_QUEUE, { connection, ...(prefix !== undefined && { prefix }) });
    // Told by the calls that fail; without a listener it would end the process.
    this.#queue.on("error", () => undefined);
    this.#records = new Records(this.#queue.backend.client, this.#queue.toKey(""));
    this.held = new HeldMessages(this.#queue, this.#records);
  }

  /**
   * Adds a message: when it fulfils, Redis has it. Repeat it under the same `id` if it rejects.
   * @returns the id of the message
   * @throws TypeError for a message of the wrong shape; what Redis or the way to it fails with
   */
  async add(message: QueuedMessage<R>, options: AddOptions = {}): Promise<string> {
    const [id = ""] = await this.addBulk([message], options);
    return id;
  }

  /**
   * Adds messages, some hundred at a time. If it rejects, some may have been added: repeat it under the same ids.
   * @returns their ids, in order
   */
  async addBulk(messages: readonly QueuedMessage<R>[], options: AddOptions = {}): Promise<string[]> {
    const { delay, priority } = check.readRecord(options, ADD_FIELDS, "options") as AddOptions;
    await loadOpenTelemetry();
    const trace = traceHeaders();
    const jobs = messages.map((message) => {
      const { id = randomUUID(), data } = toJobData(message);
      return {
        name: "message",
        data: { ...data, ...(trace !== undefined && { trace }) },
        opts: {
          jobId: id,
          ...(delay !== undefined && { delay }),
          ...(priority !== undefined && { priority }),
          // By the same id: that of a job which is removed is free again.
          ...(this.#remember > 0 && { deduplication: { id, ttl: this.#remember } }),
        },
      };
    });
    for (let at = 0; at < jobs.length; at += BULK) await this.#queue.addBulk(jobs.slice(at, at + BULK));
    return jobs.map(({ opts }) => opts.jobId);
  }

  /** How many jobs there are, by state. */
  depth(): Promise<QueueDepth> {
    return this.#records.depth();
  }

  /** Fulfils when Redis is reached. */
  async ready(): Promise<void> {
    await this.#queue.waitUntilReady();
  }

  /** Ends the connection to Redis. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  /** The same as {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
