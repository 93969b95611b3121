import { BoundedPeerMemory } from "smtp-pipelining";
import { SmtpPool } from "smtp-pipelining/pool";
import type { Client } from "./client.ts";
import { type Chunking, check, messages } from "./library.ts";

/** This library's pool. */
export function pool(chunking: Chunking, connections: number): Client {
  return {
    run: async (work) => {
      const sender = new SmtpPool({
        host: "127.0.0.1",
        port: work.port,
        chunking,
        connections,
        peers: new BoundedPeerMemory(),
      });
      const start = performance.now();
      for await (const delivery of sender.deliver(messages(work))) check(delivery);
      const milliseconds = performance.now() - start;
      await sender.quit();
      return milliseconds;
    },
  };
}
