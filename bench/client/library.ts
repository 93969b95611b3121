import {
  BoundedPeerMemory,
  type Delivery,
  type Message,
  type SessionOptions,
  SmtpSession,
} from "smtp-pipelining";
import type { Client } from "./client.ts";
import { recipients, SENDER, stream, text, type Work } from "./work.ts";

/** How the library sends texts. */
export type Chunking = "off" | "strict" | "auto";

/** The messages of a work, one after the other. */
export function* messages(work: Work): Generator<Message, void, undefined> {
  const whole = work.streamed ? undefined : text(work.octets);
  for (let i = 0; i < work.messages; i++) {
    const data = whole ?? ((): ReturnType<typeof stream> => stream(work.octets));
    yield { from: SENDER, to: recipients(work, i), data };
  }
}

/** @throws what went wrong, where not all was taken */
export function check({ ok, error, failed, unknown }: Delivery): void {
  if (ok) return;
  const [first] = failed;
  throw error ?? unknown[0]?.error ?? first?.error ?? new Error(`Refused: ${first?.reply?.text}`);
}

/** This library. @param watch attaches what listens to a session */
export function library(chunking: Chunking, watch: (session: SmtpSession) => void = () => undefined): Client {
  const open = (port: number): SmtpSession => {
    const session = new SmtpSession({
      host: "127.0.0.1",
      port,
      chunking: chunking as SessionOptions["chunking"],
      // Of its own each time: what a session has to find out about a server is part of the work.
      peers: new BoundedPeerMemory(),
    });
    watch(session);
    return session;
  };
  return {
    run: async (work) => {
      const session = open(work.port);
      const start = performance.now();
      await session.connect();
      for await (const delivery of session.deliver(messages(work))) check(delivery);
      const milliseconds = performance.now() - start;
      await session.quit();
      return milliseconds;
    },
    heap: async (work, collect) => {
      const session = open(work.port);
      await session.connect();
      await collect();
      const before = process.memoryUsage().heapUsed;
      for await (const delivery of session.deliver(messages(work))) check(delivery);
      await collect();
      const kept = process.memoryUsage().heapUsed - before;
      await session.quit();
      return kept;
    },
  };
}
