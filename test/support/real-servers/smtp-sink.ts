import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { leftOutWithout } from "../tools.ts";
import { freePort } from "./free-port.ts";
import { startServerProcess } from "./server-process.ts";

/** Whether there is no smtp-sink to test with. */
export const smtpSinkSkipped: boolean = leftOutWithout(["smtp-sink"], "On Debian: apt-get install postfix.");

/** Postfix's test server, which takes everything, or fails as its flags say. */
export interface RunningSmtpSink {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startSmtpSink(flags: readonly string[]): Promise<RunningSmtpSink> {
  const root = await mkdtemp(join(tmpdir(), "smtp-sink-"));
  try {
    const port = await freePort();
    const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
    const server = startServerProcess(root, "smtp-sink", [...user, ...flags, `127.0.0.1:${port}`, "100"]);
    // Some of the faults are those of a greeting: that it listens is enough.
    await server.listens(port).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    return { port, stop: server.stop };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}
