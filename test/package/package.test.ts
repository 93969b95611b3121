import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let consumer: string;

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

beforeAll(() => {
  consumer = mkdtempSync(join(tmpdir(), "consumer-"));
  const [packed] = JSON.parse(
    run("npm", ["pack", "--json", "--silent", "--pack-destination", consumer], ROOT),
  ) as [{ filename: string }];
  writeFileSync(
    join(consumer, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  // The library alone: what is optional is for the command line.
  const options = ["--omit=optional", "--no-audit", "--no-fund", "--silent"];
  run("npm", ["install", ...options, join(consumer, packed.filename)], consumer);
}, 120_000);

afterAll(() => rmSync(consumer, { recursive: true, force: true }));

test("the packed package can be imported by name and brings what is documented", () => {
  const script = `import * as all from "smtp-pipelining"; console.log(Object.keys(all).sort().join(" "))`;
  expect(run("node", ["--input-type=module", "--eval", script], consumer).trim()).toBe(
    "BoundedPeerMemory SmtpError SmtpSession classifyReply retryAfter",
  );
});

test("it brings its one dependency, and what is optional only to those who want it", () => {
  const tree = JSON.parse(run("npm", ["ls", "--all", "--json"], consumer)) as {
    dependencies: Record<string, { dependencies: Record<string, { version?: string }> }>;
  };
  expect(Object.keys(tree.dependencies)).toEqual(["smtp-pipelining"]);
  // What is optional and not installed is listed without a version.
  const installed = Object.entries(tree.dependencies["smtp-pipelining"]?.dependencies ?? {})
    .filter(([, { version }]) => version !== undefined)
    .map(([name]) => name);
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  ) as Record<string, object>;
  expect(Object.keys(dependencies ?? {})).toEqual(["eventemitter3"]);
  expect(installed).toEqual(["eventemitter3"]);
  expect(Object.keys(optionalDependencies ?? {})).toEqual([
    "classic-level",
    "cli-progress",
    "smtp-server",
    "yargs",
  ]);
});

test("its files are the build and the documents", () => {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--dry-run", "--ignore-scripts"], ROOT)) as [
    { files: { path: string }[] },
  ];
  const others = packed.files
    .map(({ path }) => path)
    .filter((path) => !/^dist\/.*\.(?:js|d\.ts)$/.test(path));
  expect(others.sort()).toEqual([
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "docs/cli.md",
    "docs/journal.md",
    "docs/nodemailer.md",
    "docs/observability.md",
    "docs/pool.md",
    "docs/servers.md",
    "docs/testing.md",
    "docs/worker.md",
    "grafana/README.md",
    "grafana/alerts/smtp-pipelining.rules.yml",
    "grafana/dashboards/smtp-pipelining.json",
    "package.json",
  ]);
});

/** The optional peers. */
const PEERS = ["prom-client", "@opentelemetry/api", "bullmq"];

/** What a user writes, in TypeScript: with nothing optional installed. */
const WITHOUT_PEERS = `
import { SmtpSession, type Delivery, type SessionEvents } from "smtp-pipelining";
import { attachLogger, type Logger } from "smtp-pipelining/logging";
import { attachMetrics, type MetricsOptions } from "smtp-pipelining/metrics";
import { attachRecorder } from "smtp-pipelining/recorder";
import { type PoolEvents, SmtpPool } from "smtp-pipelining/pool";
import { createTestServer, cut, type ReceivedMessage } from "smtp-pipelining/testing";

const server = await createTestServer({ faults: [cut({ at: "text", nth: 2 })] });
const client = new SmtpPool({ relays: [server.url], connections: 1 });
const again: PoolEvents["retry"] = ({ attempt }) => console.log(attempt);
client.on("retry", again);
const { ok } = await client.pipeline({ from: "a@example.org", to: "b@example.net", data: "x" });
await client.quit();
const accepted: readonly ReceivedMessage[] = server.messages;
console.log(ok, accepted.map(({ to }) => to.join()).join());
await server.close();

const session = new SmtpSession({ host: "mail.example.org" });
const delivered: Promise<Delivery<number>> = session.pipeline({ from: "", to: "a@example.net", data: "x", tag: 1 });
const onEnd: SessionEvents["messageEnd"] = ({ delivery }) => console.log(delivery.ok);
session.on("messageEnd", onEnd);
const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
attachLogger(session, logger, { wire: true });
const page: string = attachRecorder(session).html();
const options: MetricsOptions["client"] = "newsletter";
console.log(typeof attachMetrics, options, page.length > 0, session.pending);
session.destroy();
await delivered;
`;

/** The same with the peers. */
const WITH_PEERS = `
import { trace } from "@opentelemetry/api";
import * as prometheus from "prom-client";
import { SmtpSession } from "smtp-pipelining";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachTracing } from "smtp-pipelining/tracing";
import { attachWorkerMetrics, type QueuedMessage, type SmtpWorker } from "smtp-pipelining/worker";

const queued: QueuedMessage<{ path: string }> = { from: "a@example.org", to: "b@example.net", ref: { path: "x" } };
const watch = (worker: SmtpWorker): (() => void) => attachWorkerMetrics(worker, { prometheus });
console.log(typeof watch, queued.from);
const session = new SmtpSession("smtp://mail.example.org");
const register = new prometheus.Registry();
const openMetrics = new prometheus.Registry<prometheus.OpenMetricsContentType>();
openMetrics.setContentType(prometheus.Registry.OPENMETRICS_CONTENT_TYPE);
attachMetrics(session, { prometheus });
attachMetrics(session, { prometheus, register, client: "a" });
attachMetrics(session, { prometheus, register: openMetrics });
attachTracing(session, { tracerProvider: trace.getTracerProvider() });
console.log((await register.metrics()).includes('smtp_client_sessions{client="a",state="idle"} 1'));
session.destroy();
`;

/** Checks the types of a program, those of the package included, and builds it. Returns what the compiler says. */
function compile(file: string): string {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const types = join(ROOT, "node_modules/@types");
  const options =
    "--strict --module nodenext --target es2023 --skipLibCheck false --types node --outDir built";
  try {
    return run("node", [tsc, ...options.split(" "), "--typeRoots", types, file], consumer);
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** Imports each, and says what is missing. */
function importEach(...specifiers: readonly string[]): Record<string, string> {
  const script = `
    const outcomes = {};
    for (const specifier of ${JSON.stringify(specifiers)}) {
      outcomes[specifier] = await import(specifier).then(() => "imported", ({ message }) => message);
    }
    console.log(JSON.stringify(outcomes));`;
  return JSON.parse(run("node", ["--input-type=module", "--eval", script], consumer));
}

describe("a consumer", () => {
  test("without the optional peers imports every subpath but those that need them", () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { exports: object };
    const subpaths = Object.keys(exports).filter((path) => path !== "./package.json");
    const outcomes = importEach(...subpaths.map((path) => join("smtp-pipelining", path)), ...PEERS);
    const missing = Object.entries(outcomes).filter(([, outcome]) => outcome !== "imported");
    expect(missing).toEqual([
      ["smtp-pipelining/tracing", expect.stringContaining("Cannot find package '@opentelemetry/api'")],
      ["smtp-pipelining/worker", expect.stringContaining("Cannot find package 'bullmq'")],
      ["prom-client", expect.stringContaining("Cannot find package")],
      ["@opentelemetry/api", expect.stringContaining("Cannot find package")],
      ["bullmq", expect.stringContaining("Cannot find package")],
    ]);
    expect(Object.keys(outcomes).length - missing.length, "imported").toBeGreaterThanOrEqual(4);
  });

  test("without them type-checks and runs", () => {
    writeFileSync(join(consumer, "without.ts"), WITHOUT_PEERS);
    expect(compile("without.ts")).toBe("");
    expect(run("node", ["built/without.js"], consumer).trim()).toBe(
      "true b@example.net\nfunction newsletter true 1\nfalse",
    );
  }, 60_000);

  test("with them too", () => {
    mkdirSync(join(consumer, "node_modules/@opentelemetry"), { recursive: true });
    for (const peer of PEERS) {
      symlinkSync(join(ROOT, "node_modules", peer), join(consumer, "node_modules", peer));
    }
    writeFileSync(join(consumer, "with.ts"), WITH_PEERS);
    expect(compile("with.ts")).toBe("");
    expect(run("node", ["built/with.js"], consumer).trim()).toBe("function a@example.org\ntrue");
  }, 60_000);
});

describe("the command", () => {
  const bin = (...args: readonly string[]) =>
    spawnSync("npx", ["--offline", "smtp-pipelining", ...args], {
      cwd: consumer,
      encoding: "utf8",
      input: "From: a@example.org\nTo: b@example.net\n\n",
    });

  test("says what it misses, where what is optional was left out", () => {
    const { status, stderr } = bin("sink", "--help");
    expect(stderr).toContain(
      "the package yargs is not installed, and this command needs it: npm install yargs",
    );
    expect(status).toBe(69);
  });

  test("runs with it", () => {
    symlinkSync(join(ROOT, "node_modules/yargs"), join(consumer, "node_modules/yargs"));
    const { status, stdout } = bin("sink", "--help");
    expect(stdout).toContain("smtp-pipelining sink [options]");
    expect(status).toBe(0);
  });

  test.each([
    [
      "sink",
      ["sink"],
      "the package smtp-server is not installed, and this command needs it: npm install smtp-server",
    ],
    [
      "--journal",
      ["send", "--journal", "sent"],
      "The journal needs the package classic-level: npm install classic-level",
    ],
    [
      "--otlp",
      ["send", "--otlp", "http://127.0.0.1:1"],
      "--otlp needs it: npm install @opentelemetry/api @opentelemetry/exporter-trace-otlp-http ",
    ],
  ])("%s names the package that it needs besides", (_, [command = "", ...args], said) => {
    const server = command === "send" ? ["--server", "smtp://127.0.0.1:1"] : [];
    const { status, stderr } = bin(command, ...server, ...args);
    expect(stderr).toContain(said);
    expect(status).toBe(69);
  });
});
