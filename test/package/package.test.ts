import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
  run("npm", ["install", "--no-audit", "--no-fund", "--silent", join(consumer, packed.filename)], consumer);
}, 120_000);

afterAll(() => rmSync(consumer, { recursive: true, force: true }));

test("the packed package can be imported by name and brings what is documented", () => {
  const script = `import * as all from "smtp-pipelining"; console.log(Object.keys(all).sort().join(" "))`;
  expect(run("node", ["--input-type=module", "--eval", script], consumer).trim()).toBe(
    "BoundedPeerMemory SmtpError SmtpSession",
  );
});

test("it brings its one dependency and nothing else", () => {
  const tree = JSON.parse(run("npm", ["ls", "--all", "--json"], consumer)) as {
    dependencies: Record<string, { dependencies: Record<string, { version?: string }> }>;
  };
  expect(Object.keys(tree.dependencies)).toEqual(["smtp-pipelining"]);
  // An optional peer that is not installed is listed without a version.
  const installed = Object.entries(tree.dependencies["smtp-pipelining"]?.dependencies ?? {})
    .filter(([, { version }]) => version !== undefined)
    .map(([name]) => name);
  expect(installed).toEqual(["eventemitter3"]);
});

test("its files are the build and the documents", () => {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--dry-run", "--ignore-scripts"], ROOT)) as [
    { files: { path: string }[] },
  ];
  const others = packed.files
    .map(({ path }) => path)
    .filter((path) => !/^dist\/.*\.(?:js|d\.ts)$/.test(path));
  expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
});

/** What a user writes, in TypeScript: with nothing optional installed. */
const WITHOUT_PEERS = `
import { SmtpSession, type Delivery, type SessionEvents } from "smtp-pipelining";
import { attachLogger, type Logger } from "smtp-pipelining/logging";
import { attachMetrics, type MetricsOptions } from "smtp-pipelining/metrics";
import { attachRecorder } from "smtp-pipelining/recorder";

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

function typeCheck(file: string): string {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const types = join(ROOT, "node_modules/@types");
  const options = "--strict --noEmit --module nodenext --target es2023 --skipLibCheck false --types node";
  try {
    return run("node", [tsc, ...options.split(" "), "--typeRoots", types, file], consumer);
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** Runs what the compiler makes of it. */
function runTypeScript(file: string): string {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const types = join(ROOT, "node_modules/@types");
  const options = "--module nodenext --target es2023 --types node --outDir built";
  run("node", [tsc, ...options.split(" "), "--typeRoots", types, file], consumer);
  return run("node", [join("built", file.replace(/\.ts$/, ".js"))], consumer).trim();
}

describe("a consumer", () => {
  test("without prom-client and @opentelemetry/api type-checks and runs", () => {
    writeFileSync(join(consumer, "without.ts"), WITHOUT_PEERS);
    expect(typeCheck("without.ts")).toBe("");
    expect(runTypeScript("without.ts")).toBe("function newsletter true 1\nfalse");
    expect(() => run("node", ["--eval", `import("prom-client")`], consumer)).toThrow();
  }, 60_000);

  test("with them too", () => {
    mkdirSync(join(consumer, "node_modules/@opentelemetry"), { recursive: true });
    for (const peer of ["prom-client", "@opentelemetry/api"]) {
      symlinkSync(join(ROOT, "node_modules", peer), join(consumer, "node_modules", peer));
    }
    writeFileSync(join(consumer, "with.ts"), WITH_PEERS);
    expect(typeCheck("with.ts")).toBe("");
    expect(runTypeScript("with.ts")).toBe("true");
  }, 60_000);
});
