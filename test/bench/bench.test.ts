import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { redisSkipped } from "../support/redis.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COMMAND = ["--import", "tsx", "bench/main.ts"];

test("says how it is used, and which scenarios and clients there are", () => {
  const help = execFileSync(process.execPath, [...COMMAND, "--help"], { cwd: ROOT, encoding: "utf8" });
  expect(help).toMatch(/Scenarios: far, .*Clients: data, strict, bursts, nodemailer, .*Exit status: 0 /s);
});

test.each([
  [["speed"], /^There is no scenario speed\. There are: far, /],
  [["--only", "data,sendmail"], /^There is no client sendmail\. There are: data, /],
  [["--rounds", "0"], /^--rounds needs a number from 1 on/],
  [["--fast"], /^Unknown option '--fast'/],
])("%j is refused", (args, problem) => {
  const wrong = spawnSync(process.execPath, [...COMMAND, ...args], { cwd: ROOT, encoding: "utf8" });
  expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
  expect(wrong.stderr).toMatch(problem);
});

test("a small run of every scenario goes through, and its results are written", () => {
  const folder = mkdtempSync(join(tmpdir(), "smtp-pipelining-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const out = join(folder, "small.json");
  const args = [
    "--quick",
    "--only",
    "data,data-events,data-metrics,data-tracing,nodemailer,pool-data-4",
    "--out",
    out,
  ];
  const run = spawnSync(process.execPath, [...COMMAND, ...args], { cwd: ROOT, encoding: "utf8" });
  expect([run.status, run.stdout]).toEqual([0, expect.stringContaining("=== observability: ")]);
  const { scenarios } = JSON.parse(readFileSync(out, "utf8")) as {
    scenarios: {
      name: string;
      rows: { title: string; runs: { milliseconds: number; roundTrips?: number }[]; peakMemory: number }[];
    }[];
  };
  expect(scenarios.map(({ name, rows }) => [name, rows.length])).toEqual([
    ["far", 2],
    ["far-many", 2],
    ["recipients", 2],
    ["loopback", 2],
    ["pool", 2],
    ["pool-loopback", 2],
    ["stream", 2],
    ["growth", 3],
    ["observability", 4],
  ]);
  for (const { runs, peakMemory } of scenarios.flatMap(({ rows }) => rows)) {
    expect(runs).toHaveLength(1);
    expect(runs[0]?.milliseconds).toBeGreaterThan(0);
    // Node.js alone needs more.
    expect(peakMemory).toBeGreaterThan(20_000_000);
  }
  // The greeting, EHLO's reply, and one for each of 10 messages.
  expect(scenarios[0]?.rows[0]).toMatchObject({
    title: "smtp-pipelining, DATA",
    runs: [{ roundTrips: 12 }],
  });
  expect(readFileSync(join(folder, "small.svg"), "utf8")).toMatch(/^<svg .*nodemailer.*<\/svg>\n$/s);
}, 120_000);

test.skipIf(redisSkipped)(
  "a small run of a queue says what it costs beside the pool",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "smtp-pipelining-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const out = join(folder, "small.json");
    const args = ["worker", "--quick", "--out", out];
    const run = spawnSync(process.execPath, [...COMMAND, ...args], { cwd: ROOT, encoding: "utf8" });
    expect([run.status, run.stdout]).toEqual([0, expect.stringContaining("Redis, octets/message")]);
    const { scenarios } = JSON.parse(readFileSync(out, "utf8")) as {
      scenarios: {
        rows: { title: string; messages: number; runs: { queue?: Record<string, number> }[] }[];
      }[];
    };
    const [pool, ...queues] = scenarios[0]?.rows ?? [];
    expect(pool?.runs[0]).not.toHaveProperty("queue");
    expect(queues.map(({ title }) => title)).toEqual([
      "SmtpWorker, 1 worker",
      "SmtpWorker, 2 workers",
      "SmtpWorker, 1 worker, texts by reference",
      "SmtpWorker, 2 workers, texts by reference",
    ]);
    for (const { title, messages, runs } of queues) {
      const { adding = 0, processor = 0, redisMemory = 0 } = runs[0]?.queue ?? {};
      expect(adding, title).toBeGreaterThan(0);
      expect(processor, title).toBeGreaterThan(0);
      // A text of 4 KB is in Redis, or it is not.
      expect(redisMemory / messages > 4_096, title).toBe(!title.includes("reference"));
    }
  },
  120_000,
);
