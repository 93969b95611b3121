import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Starts the sink in a process of its own. */
export async function startSink(): Promise<{ readonly port: number; close(): void }> {
  const child = fork(fileURLToPath(new URL("./sink.ts", import.meta.url)));
  const [port] = (await once(child, "message")) as [number];
  return { port, close: () => child.disconnect() };
}
