import { Queue } from "bullmq";
import type { PoolOptions } from "smtp-pipelining/pool";
import { createTestServer, type TestServer, type TestServerOptions } from "smtp-pipelining/testing";
import {
  SmtpProducer,
  SmtpWorker,
  type WorkerEventName,
  type WorkerEvents,
  type WorkerOptions,
} from "smtp-pipelining/worker";
import { onTestFinished } from "vitest";
import type { TestRedis } from "../support/redis.ts";

let queues = 0;

/** A queue and a server of a test's own, and what is needed to use them. */
export interface TestQueue {
  readonly queue: string;
  readonly producer: SmtpProducer;
  readonly server: TestServer;
  /** BullMQ's own view of the queue. */
  readonly bull: Queue;
  worker(options?: Partial<WorkerOptions>): SmtpWorker;
}

/** Makes one. What it makes ends with the test. */
export async function setUp(redis: TestRedis, options: TestServerOptions = {}): Promise<TestQueue> {
  const queue = `test-${++queues}`;
  const { connection } = redis;
  const server = await createTestServer(options);
  const producer = new SmtpProducer({ connection, queue });
  const bull = new Queue(queue, { connection });
  onTestFinished(async () => {
    await producer.close();
    await bull.close();
    await server.close();
  });
  return {
    queue,
    producer,
    server,
    bull,
    worker: (more = {}) => {
      const pool: PoolOptions = { host: "127.0.0.1", port: server.port, tls: "off" };
      const worker = new SmtpWorker({ connection, queue, pool, stalledInterval: 50, ...more });
      onTestFinished(() => worker.close());
      return worker;
    },
  };
}

/** Fulfils with the next such event. */
export function next<E extends WorkerEventName>(
  worker: SmtpWorker,
  event: E,
): Promise<Parameters<WorkerEvents[E]>[0]> {
  return new Promise((resolve) => worker.once(event, resolve as never));
}

export const TEXT = "Subject: test\r\n\r\nHello\r\n";
