import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Delivery, SmtpSession } from "smtp-pipelining";
import { describe, expect, onTestFinished, test } from "vitest";
import { refusals } from "../../src/cli/sink/patterns.ts";
import { type Running, runCli, startCli } from "../support/cli-shell.ts";

async function startSink(
  ...args: readonly string[]
): Promise<{ readonly sink: Running; readonly url: string }> {
  const sink = startCli(["sink", "--port", "0", ...args]);
  const [, url = ""] = await sink.said(/^Listening on (\S+)\. Ctrl-C ends it\.\n/);
  return { sink, url };
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "sink-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function send(url: string, ...to: readonly string[][]): Promise<Delivery[]> {
  await using session = new SmtpSession(url);
  return await Promise.all(
    to.map((each) =>
      session.pipeline({ from: "me@example.org", to: each, data: "Subject: x\r\n\r\n.y\r\n" }),
    ),
  );
}

test("takes messages, logs each, and says at the end how many", async () => {
  const log = join(temporary(), "taken.jsonl");
  const { sink, url } = await startSink("--log", log);
  const deliveries = await send(url, ["a@example.net", "b@example.net"], ["c@example.net"]);
  expect(deliveries.map(({ ok }) => ok)).toEqual([true, true]);
  // Logged before it was answered.
  const lines = readFileSync(log, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(
    [["a@example.net", "b@example.net"], ["c@example.net"]].map((to) => ({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      client: "127.0.0.1",
      name: expect.stringMatching(/./),
      from: "me@example.org",
      to,
      octets: 18,
      sha256: createHash("sha256").update("Subject: x\r\n\r\n.y\r\n").digest("hex"),
    })),
  );
  sink.interrupt();
  const { status, errors } = await sink.ended;
  expect(status).toBe(0);
  expect(errors).toMatch(/\n2 messages to 3 recipients, 36 octets\n$/);
});

test("refuses and defers by pattern", async () => {
  const { sink, url } = await startSink(
    "--refuse",
    "nobody@*",
    "--refuse",
    "*@gone.example",
    "--defer",
    "*@busy.example",
  );
  const to = [
    "nobody@example.net",
    "a@gone.example",
    "A@Busy.Example",
    "nobody@busy.example",
    "b@example.net",
  ];
  const [delivery] = await send(url, to);
  expect(
    delivery?.recipients.map((each) => (each.status === "failed" ? each.reply?.code : each.status)),
  ).toEqual([550, 550, 450, 550, "succeeded"]);
  sink.interrupt();
  expect((await sink.ended).errors).toMatch(/\n1 message to 1 recipient, 18 octets, 4 refused\n$/);
});

test("a pattern is the whole address, and only * is special", () => {
  const refusal = refusals(["a.b@*"], ["*+tag@example.net"]);
  const codes = ["a.b@x", "axb@x", "xa.b@x", "me+tag@example.net", "me+tag@example.network"].map(
    (address) => refusal(address)?.code,
  );
  expect(codes).toEqual([550, undefined, undefined, 450, undefined]);
});

test("with latency no reply comes sooner, and the log still knows the client", async () => {
  const log = join(temporary(), "taken.jsonl");
  const { sink, url } = await startSink("--latency", "40ms", "--log", log);
  await using session = new SmtpSession(url);
  await session.connect();
  const start = performance.now();
  await session.noop();
  expect(performance.now() - start).toBeGreaterThanOrEqual(79);
  expect((await session.pipeline({ from: "", to: "a@example.net", data: "x" })).ok).toBe(true);
  expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({ client: "127.0.0.1", from: "" });
  sink.interrupt();
  expect((await sink.ended).status).toBe(0);
});

describe("what it can't have", () => {
  test("a port that is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const { status, errors } = await runCli(["sink", "--port", String(port)]);
    expect(status).toBe(69);
    expect(errors).toMatch(new RegExp(`--port ${port} can't be had on 127\\.0\\.0\\.1: .*EADDRINUSE`));
  });

  test("a log in no folder", async () => {
    const { status, errors } = await runCli(["sink", "--port", "0", "--log", "/nowhere/taken.jsonl"]);
    expect(status).toBe(74);
    expect(errors).toMatch(/--log \/nowhere\/taken\.jsonl can't be written: ENOENT/);
  });

  test("a log on a full disk: the message is refused for now", async () => {
    const { sink, url } = await startSink("--log", "/dev/full");
    const [delivery] = await send(url, ["a@example.net"]);
    expect(delivery?.failed).toMatchObject([{ retryable: true, reply: { code: 451 } }]);
    const { status, errors } = await sink.ended;
    expect(status).toBe(74);
    expect(errors).toMatch(/--log \/dev\/full can't be written: .*ENOSPC/);
  });
});
