import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import type { Machine } from "./results.ts";
import { findSmtpSource } from "./smtp-source.ts";

/** What the bench runs on. */
export function thisMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? "unknown",
    processors: processors.length,
    memory: Math.round(totalmem() / 1_024 ** 3),
    system: `${type()} ${release().replace(/-.*/, "")}`,
    node: process.version,
  };
}

/** The versions of the other clients. */
export function versions(): Record<string, string> {
  const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
  const found: Record<string, string> = {};
  for (const name of ["nodemailer", "smtp-client"]) {
    found[name] = String(lock.packages[`node_modules/${name}`].version);
  }
  if (findSmtpSource() !== undefined) {
    const { status, stdout } = spawnSync("postconf", ["-h", "-d", "mail_version"], { encoding: "utf8" });
    if (status === 0) found["Postfix"] = stdout.trim();
  }
  return found;
}
