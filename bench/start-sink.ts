import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/**
 * Starts the sink in a process of its own.
 * @param file its program
 * @throws Error if it ends before it says where it listens
 */
export async function startSink(
  file: URL = new URL("./sink.ts", import.meta.url),
): Promise<{ readonly port: number; close(): void }> {
  const child = fork(fileURLToPath(file));
  const started = new AbortController();
  const { signal } = started;
  const ended = once(child, "exit", { signal }).then(([status, killer]) => {
    throw new Error(`The sink, bench/sink.ts, did not start: it ended with ${status ?? killer}; see above`);
  });
  try {
    const [port] = (await Promise.race([once(child, "message", { signal }), ended])) as [number];
    return { port, close: () => child.disconnect() };
  } finally {
    started.abort();
    ended.catch(() => undefined);
  }
}
