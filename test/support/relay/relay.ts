import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../real-servers/free-port.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

/** A relay that can be killed, and is replaced at once. */
export interface MortalRelay extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** SIGKILLs it, and lets its successor listen. */
  kill(): Promise<void>;
  /** How often each address was accepted: from a log that was written before each answer. */
  accepted(): Promise<Map<string, number>>;
}

export async function startMortalRelay(mode: "chunking" | "data"): Promise<MortalRelay> {
  const folder = await mkdtemp(join(tmpdir(), "relay-"));
  const log = join(folder, "accepted");
  const port = await freePort();
  const spare = async (): Promise<ChildProcess> => {
    const child = fork(MAIN, [log, mode], { execArgv: ["--import", "tsx"] });
    await once(child, "message");
    return child;
  };
  const listen = async (child: ChildProcess): Promise<ChildProcess> => {
    child.send(port);
    await once(child, "message");
    return child;
  };
  let relay = await listen(await spare());
  let next = spare();
  return {
    host: "127.0.0.1",
    port,
    async kill() {
      const successor = await next;
      const died = once(relay, "exit");
      relay.kill("SIGKILL");
      await died;
      relay = await listen(successor);
      next = spare();
    },
    async accepted() {
      const times = new Map<string, number>();
      for (const address of (await readFile(log, "utf8")).split("\n")) {
        if (address !== "") times.set(address, (times.get(address) ?? 0) + 1);
      }
      return times;
    },
    async [Symbol.asyncDispose]() {
      relay.kill("SIGKILL");
      (await next).kill("SIGKILL");
      await rm(folder, { recursive: true });
    },
  };
}
