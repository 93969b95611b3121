import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/** Modules of Node.js that only compute. */
const COMPUTES: readonly string[] = ["node:buffer", "node:crypto"];

/** What each layer may import from: arrows point one way. */
const LAYERS: Record<string, readonly string[]> = {
  // Of Node.js only what computes: octets, and digests for SASL.
  protocol: ["protocol", ...COMPUTES],
  pipeline: ["pipeline", "protocol"],
  session: ["session", "pipeline", "protocol", "node", "eventemitter3"],
  "index.ts": ["session", "pipeline", "protocol"],
  // A program: it uses what everybody can.
  check: ["check", "index.ts", "node"],
  cli: [
    "cli",
    "check",
    "pool",
    "journal",
    "observability",
    "index.ts",
    "node",
    "yargs",
    "cli-progress",
    "smtp-server",
  ],
  observability: [
    "observability",
    "pool",
    "session",
    "pipeline",
    "protocol",
    "@opentelemetry",
    "eventemitter3",
  ],
  // The peer @opentelemetry/api is loaded where it is there: no import names it.
  worker: [
    "worker",
    "pool",
    "observability",
    "session",
    "pipeline",
    "protocol",
    "node",
    "bullmq",
    "eventemitter3",
  ],
  journal: ["journal", "session", "pipeline", "protocol", "node", "classic-level"],
  nodemailer: ["nodemailer", "pool", "observability", "session", "pipeline", "protocol", "node"],
  pool: ["pool", "index.ts", "session", "pipeline", "protocol", "node", "eventemitter3"],
  // What tests compare a session with must not share its mistakes.
  testing: ["testing", "node"],
};

/** What would make the pure layers impure. */
const IMPURE = /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|performance|process|Date)\b/;

interface Import {
  readonly file: string;
  readonly layer: string;
  readonly target: string;
}

function imports(): Import[] {
  const found: Import[] = [];
  for (const entry of readdirSync(SRC, { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".ts")) continue;
    const layer = entry.split(sep)[0] ?? "";
    for (const [, specifier = ""] of read(entry).matchAll(/^(?:import|export|\}).*\bfrom "([^"]+)"/gm)) {
      const path = specifier.startsWith(".")
        ? relative(SRC, join(dirname(join(SRC, entry)), specifier))
        : specifier;
      const computes = COMPUTES.includes(path) && layer === "protocol";
      const target = path.startsWith("node:") && !computes ? "node" : (path.split(sep)[0] ?? "");
      found.push({ file: entry, layer, target });
    }
  }
  return found;
}

/** The code of a file: what its comments show is not what it does. */
function read(file: string): string {
  return readFileSync(join(SRC, file), "utf8").replace(/^\s*\/\*[\s\S]*?\*\/|\/\/ .*/gm, "");
}

test("every layer imports only from those below it", () => {
  const all = imports();
  expect(all.length).toBeGreaterThan(50);
  expect(all.filter(({ layer, target }) => !LAYERS[layer]?.includes(target))).toEqual([]);
});

test("what observes knows of the session by its types alone", () => {
  const observers = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) =>
    /^observability\b.*\.ts$/.test(file),
  );
  expect(observers.length).toBeGreaterThan(5);
  for (const file of observers) {
    const values = [...read(file).matchAll(/^(?:import|export) (?!type\b)[^;]*?from "([^"]+)"/gm)].map(
      ([, from]) => from,
    );
    expect(
      values.filter((from) => /\/(?:pool|session|pipeline)\/|eventemitter3|prom-client/.test(from ?? "")),
      file,
    ).toEqual([]);
    // The peer is optional: whoever does not trace need not have it.
    if (!/\btracing\b/.test(file))
      expect(
        values.filter((from) => from?.startsWith("@opentelemetry")),
        file,
      ).toEqual([]);
  }
});

test("protocol and pipeline have no clock, timer or process", () => {
  const impure = readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((file) => /^(?:protocol|pipeline)\b.*\.ts$/.test(file))
    .filter((file) => IMPURE.test(read(file)));
  expect(impure).toEqual([]);
});
