import { answers } from "../process.ts";
import type { Taken } from "./conversation.ts";
import { openSink } from "./sink.ts";

// The sink in a process of its own. Each run gets a port of its own, so that what it brought can be counted.

/** What the sink's process can be asked. */
export interface SinkQuestions {
  /** Opens a port on 127.0.0.1. */
  open(): Promise<number>;
  /** Closes it. @returns what came there */
  close(port: number): Taken;
}

const sinks = new Map<number, () => Taken>();

answers<SinkQuestions>({
  open: async () => {
    const { port, close } = await openSink();
    sinks.set(port, close);
    return port;
  },
  close: (port) => {
    const taken = sinks.get(port)?.();
    sinks.delete(port);
    if (taken === undefined) throw new Error(`No sink is open at port ${port}`);
    return taken;
  },
});
