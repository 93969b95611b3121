import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Work } from "./client/work.ts";

// Postfix's load generator, where it is installed.

/** Where the program is; undefined if it isn't. */
export function findSmtpSource(): string | undefined {
  const { status, stdout } = spawnSync("sh", ["-c", "command -v smtp-source"], { encoding: "utf8" });
  if (status === 0) return stdout.trim();
  const path = "/usr/sbin/smtp-source";
  return existsSync(path) ? path : undefined;
}

/** Does the work. @returns milliseconds from before its start to its end, QUIT among them */
export async function runSmtpSource(program: string, work: Work): Promise<number> {
  const args = ["-d", "-s", "1", "-m", work.messages, "-l", work.octets, "-r", work.recipients];
  const names = ["-M", "bench.example", "-f", "from@example.org", "-t", "to@example.net"];
  const command = [...args, ...names, `127.0.0.1:${work.port}`].map(String);
  const start = performance.now();
  const child = spawn(program, command, { stdio: ["ignore", "ignore", "inherit"] });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`smtp-source ended with ${status}; see above`);
  return performance.now() - start;
}
