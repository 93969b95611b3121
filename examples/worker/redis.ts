import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A Redis of a program's own. */
export interface OwnRedis {
  /** For BullMQ. */
  readonly connection: { readonly host: string; readonly port: number };
  /** Kills it as a machine that fails would, and starts it again from what it wrote. */
  restart(): Promise<void>;
  /** Kills it, and removes what it wrote. */
  close(): Promise<void>;
  /** The same at once, for where nobody can wait. */
  kill(): void;
}

/**
 * Starts Debian's redis-server on a free port, with a folder of its own. Rejects if there is none on the PATH.
 * @param fsync when it writes: after every command by default
 */
export async function startRedis(fsync: "always" | "everysec" | "no" = "always"): Promise<OwnRedis> {
  const folder = mkdtempSync(join(tmpdir(), "redis-"));
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    const durable = ["--appendonly", fsync === "no" ? "no" : "yes", "--appendfsync", fsync];
    const child = spawn("redis-server", [...settings, ...durable], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise<void>((resolve, reject) => {
      let said = "";
      child.stdout.on("data", (text: Buffer) => {
        said += text.toString();
        if (said.includes("Ready to accept connections")) resolve();
      });
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`redis-server ended: ${said}`)));
    });
    return child;
  };
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  let child = await start().catch((error) => {
    remove();
    throw error;
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return {
    connection: { host: "127.0.0.1", port },
    restart: async () => {
      await kill();
      child = await start();
    },
    close: async () => {
      await kill();
      remove();
    },
    kill: () => {
      child.kill("SIGKILL");
      remove();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
