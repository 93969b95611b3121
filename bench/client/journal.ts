import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BoundedPeerMemory, type Message } from "smtp-pipelining";
import { Journal } from "smtp-pipelining/journal";
import { SmtpPool } from "smtp-pipelining/pool";
import type { Client } from "./client.ts";
import { type Chunking, check, messages } from "./library.ts";
import type { Work } from "./work.ts";

/** A pool of one connection that has a journal. */
export function journaled(chunking: Chunking, way: "resume" | "add"): Client {
  return {
    run: async (work) => {
      const folder = await mkdtemp(join(tmpdir(), "bench-journal-"));
      const journal = await Journal.open(folder);
      const pool = new SmtpPool({
        host: "127.0.0.1",
        port: work.port,
        chunking,
        connections: 1,
        peers: new BoundedPeerMemory(),
        journal,
      });
      const start = performance.now();
      const source = way === "resume" ? journal.resume(named(work)) : added(journal, work);
      for await (const delivery of pool.deliver(source)) check(delivery);
      const milliseconds = performance.now() - start;
      await pool.quit();
      await journal.close();
      await rm(folder, { recursive: true });
      return milliseconds;
    },
  };
}

function* named(work: Work): Generator<Message> {
  let n = 0;
  for (const message of messages(work)) yield { ...message, id: `message-${++n}` };
}

/** Added as a program would that gets them from others: many at a time, and then sent. */
async function* added(journal: Journal, work: Work): AsyncGenerator<Message> {
  let adding: Promise<unknown>[] = [];
  for (const message of named(work)) {
    adding.push(journal.add(message));
    if (adding.length < 256) continue;
    await Promise.all(adding);
    adding = [];
  }
  await Promise.all(adding);
  yield* journal.pending();
}
