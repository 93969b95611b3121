import { BoundedPeerMemory } from "smtp-pipelining";
import { SmtpWorker } from "smtp-pipelining/worker";
import { answers } from "../process.ts";
import { text, type Work } from "./work.ts";

// A worker of a queue, in a process of its own.

/** What it can be asked. */
export interface WorkerQuestions {
  /** Begins to deliver. */
  start(
    connection: { readonly host: string; readonly port: number },
    queue: string,
    work: Work,
  ): Promise<void>;
  /** Ends. @returns processor time since it began, milliseconds */
  stop(): Promise<number>;
}

let worker: SmtpWorker | undefined;
let began: NodeJS.CpuUsage | undefined;

answers<WorkerQuestions>({
  start: async (connection, queue, { port, octets }) => {
    began = process.cpuUsage();
    const letter = text(octets);
    worker = new SmtpWorker({
      connection,
      queue,
      pool: { host: "127.0.0.1", port, connections: 1, peers: new BoundedPeerMemory() },
      text: () => letter,
    });
    await worker.run();
  },
  stop: async () => {
    await worker?.close();
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1_000;
  },
});
