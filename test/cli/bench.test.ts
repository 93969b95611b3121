import { createTestServer } from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import { runProcess, startProcess } from "../support/cli-process.ts";

const WITH_CHUNKING = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"];

interface Report {
  readonly server: string;
  readonly roundTripMs: number;
  readonly ways: readonly {
    readonly way: string;
    readonly messages: number;
    readonly failed: number;
    readonly seconds: number;
    readonly messagesPerSecond: number;
    readonly timesLockStep?: number;
    readonly reason?: string;
  }[];
}

test("without --to nothing is sent: it says how far away the server is, and what it offers", async () => {
  await using server = await createTestServer({ latency: 25, extensions: WITH_CHUNKING });
  const { status, out } = await runProcess(["bench", "--server", server.url]);
  expect(status).toBe(0);
  const [, trip = ""] = /: a round trip of ([\d,.]+) ms; it offers PIPELINING and CHUNKING\n/.exec(out) ?? [];
  expect(Number(trip)).toBeGreaterThanOrEqual(50);
  expect(out).toMatch(/\nNo message was sent: write --to ADDRESS .*\n$/);
  expect(new Set(server.commands.map(({ verb }) => verb))).toEqual(
    new Set(["greeting", "EHLO", "NOOP", "QUIT"]),
  );
});

test("three ways, each with as many messages as asked for, and how they compare", async () => {
  await using server = await createTestServer({ latency: 10, extensions: WITH_CHUNKING });
  const { status, out, errors } = await runProcess([
    "bench",
    ...["--server", server.url, "--to", "sink@example.org", "--messages", "30", "--size", "1K", "--json"],
  ]);
  expect({ status, errors }).toEqual({ status: 0, errors: "" });
  const report = JSON.parse(out) as Report;
  expect(report.server).toBe(`127.0.0.1:${server.port}`);
  expect(report.roundTripMs).toBeGreaterThanOrEqual(20);
  expect(report.ways).toMatchObject(
    ["lock-step", "DATA", "CHUNKING"].map((way) => ({ way, messages: 30, failed: 0 })),
  );
  for (const { messagesPerSecond, seconds, timesLockStep } of report.ways) {
    expect(messagesPerSecond).toBeCloseTo(30 / seconds);
    expect(timesLockStep).toBeCloseTo(messagesPerSecond / (report.ways[0]?.messagesPerSecond ?? 0));
  }
  // 8 ahead of each.
  expect(server.messages).toHaveLength(3 * 38);
  expect(server.messages.every(({ octets }) => octets.length === 1_024)).toBe(true);
  expect(server.messages.slice(0, 38).every(({ via }) => via === "DATA")).toBe(true);
  expect(server.messages.slice(-30).every(({ via }) => via === "BDAT")).toBe(true);
  expect(new Set(server.messages.map(({ text }) => /^Message-ID: (.*)$/m.exec(text)?.[1])).size).toBe(3 * 38);
}, 60_000);

test("for people, and without CHUNKING two ways", async () => {
  await using server = await createTestServer();
  const { status, out } = await runProcess([
    "bench",
    ...["--server", server.url, "--to", "sink@example.org", "--messages", "50", "--connections", "2"],
  ]);
  expect(status).toBe(0);
  expect(out).toMatch(/^127\.0\.0\.1:\d+: a round trip of .* ms; it offers PIPELINING\n/);
  expect(out).toMatch(/^texts of 4\.0 KiB, 2 connections$/m);
  expect(out).toMatch(/^lock-step +[\d.,]+\/s +1\.0 x +50 messages in [\d.]+ s$/m);
  expect(out).toMatch(/^DATA +[\d.,]+\/s +[\d.]+ x +50 messages in [\d.]+ s$/m);
  expect(out).not.toMatch(/^CHUNKING/m);
});

test("no more than --time: what was sent until then counts", async () => {
  await using server = await createTestServer({ latency: 20 });
  const { status, out } = await runProcess([
    "bench",
    ...["--server", server.url, "--to", "sink@example.org", "--time", "500ms", "--window", "2", "--json"],
  ]);
  expect(status).toBe(0);
  for (const { messages } of (JSON.parse(out) as Report).ways) {
    expect(messages).toBeGreaterThan(0);
    expect(messages).toBeLessThan(1_000);
  }
});

describe("what goes wrong", () => {
  test("messages that are refused are told of, and not sent again and again", async () => {
    await using server = await createTestServer({ replies: { RCPT: "550 5.1.1 No such user here" } });
    const { status, out } = await runProcess(["bench", "--server", server.url, "--to", "x@example.org"]);
    expect(status).toBe(69);
    expect(out).toMatch(/^ +8 not taken: 550 .*No such user here$/m);
    expect(server.commands.filter(({ verb }) => verb === "RCPT")).toHaveLength(16);
  });

  test("no session", async () => {
    await using server = await createTestServer({ replies: { greeting: "554 No mail here" } });
    const { status, out, errors } = await runProcess(["bench", "--server", server.url]);
    expect({ status, out }).toEqual({ status: 69, out: "" });
    expect(errors).toMatch(/^smtp-pipelining: No session: .*554.*\(ESMTP_\w+\)\n$/);
  });

  test("no server named", async () => {
    const { status, errors } = await runProcess(["bench"]);
    expect(status).toBe(64);
    expect(errors).toMatch(/--server is missing: write --server smtp:\/\/host\n.*bench --help/);
  });

  test("Ctrl-C ends it with what was measured", async () => {
    await using server = await createTestServer({ latency: 20 });
    const { child, ended } = startProcess([
      "bench",
      ...["--server", server.url, "--to", "sink@example.org", "--messages", "100000"],
    ]);
    await server.accepted(20); // 8 of them ahead
    child.kill("SIGINT");
    const { status, out } = await ended;
    expect(status).toBe(130);
    expect(out).toMatch(/^lock-step +[\d.,]+\/s/m);
    expect(out).not.toMatch(/^DATA/m);
  });
});
