import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTestServer } from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import {
  hasTerminal,
  jsonOf,
  runInTerminal,
  runProcess,
  startProcess,
  temporary,
} from "../../support/cli-process.ts";
import { startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { series } from "../../support/scrape.ts";

function envelopes(count: number): string {
  return Array.from({ length: count }, (_, i) => ({
    id: `message-${i}`,
    from: "me@example.org",
    to: `user${i}@example.net`,
    data: "Subject: x\r\n\r\nx\r\n",
  }))
    .map((envelope) => `${JSON.stringify(envelope)}\n`)
    .join("");
}

test("--metrics serves them while it runs, on a free port for 0", async () => {
  await using server = await createTestServer();
  const { child, ended, said, printed } = startProcess(["send", "--server", server.url, "--metrics", "0"], {
    stdin: "open",
  });
  const [, url = ""] = await said(/^Metrics at (http:\/\/127\.0\.0\.1:\d+\/metrics)$/m);
  child.stdin?.write(envelopes(3));
  await printed(/(.*"succeeded".*\n){3}/);
  const response = await fetch(url);
  expect(response.headers.get("content-type")).toContain("text/plain");
  const delivered = series(await response.text()).find(
    ({ name, labels }) => name === "smtp_client_messages_total" && labels["result"] === "delivered",
  );
  expect(delivered?.value).toBe(3);
  expect((await fetch(new URL("/", url))).status).toBe(404);
  child.stdin?.end();
  expect((await ended).status).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});

test("a port for metrics that is taken: nothing is sent", async () => {
  await using server = await createTestServer();
  const { status, errors } = await runProcess(
    ["send", "--server", server.url, "--metrics", String(server.port)],
    { stdin: envelopes(1) },
  );
  expect(status).toBe(69);
  expect(errors).toMatch(/--metrics: 127\.0\.0\.1:\d+ can't be had: .*EADDRINUSE/);
  expect(server.messages).toEqual([]);
});

test("metrics do not keep it running where there is no session", async () => {
  const { status, errors } = await runProcess(["send", "--server", "smtp://127.0.0.1:1", "--metrics", "0"], {
    stdin: envelopes(1),
  });
  expect(errors).toMatch(/^smtp-pipelining: Nothing was sent: .*ECONNREFUSED/m);
  expect(status).toBe(69);
});

test("--otlp sends a trace of each message to a collector", async () => {
  const receiver = await startOtlpReceiver();
  await using server = await createTestServer();
  const { status } = await runProcess(["send", "--server", server.url, "--otlp", receiver.url], {
    stdin: envelopes(3),
  });
  expect(status).toBe(0);
  const resources = receiver.requests.flatMap(({ resourceSpans }) => resourceSpans);
  expect(resources[0]?.resource.attributes).toContainEqual({
    key: "service.name",
    value: { stringValue: "smtp-pipelining" },
  });
  const spans = resources.flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans);
  expect(spans.filter(({ name }) => name === "smtp send")).toHaveLength(3);
});

test("a collector that is not there: all is sent, and the loss is told", async () => {
  await using server = await createTestServer();
  const { status, errors } = await runProcess(
    ["send", "--server", server.url, "--otlp", "http://127.0.0.1:1"],
    { stdin: envelopes(1) },
  );
  expect(server.messages).toHaveLength(1);
  expect(errors).toMatch(/^1 message .*1 succeeded/m);
  expect(errors).toMatch(/--otlp: the last spans did not arrive: .*ECONNREFUSED/);
  expect(status).toBe(74);
});

describe("--record", () => {
  test("writes a page with the conversation; --redact without the addresses", async () => {
    const folder = temporary();
    await using server = await createTestServer();
    for (const args of [[], ["--redact"]]) {
      const { status } = await runProcess(
        ["send", "--server", server.url, "--record", "page.html", ...args],
        { stdin: envelopes(1), cwd: folder },
      );
      expect(status).toBe(0);
      const page = readFileSync(join(folder, "page.html"), "utf8");
      expect(page).toMatch(/^<!doctype html>/i);
      expect(page).toContain("EHLO");
      expect(page.includes("user0@example.net")).toBe(args.length === 0);
    }
  });

  test("a page that can't be written is found out before anything is sent", async () => {
    await using server = await createTestServer();
    const { status, errors } = await runProcess(
      ["send", "--server", server.url, "--record", "/nowhere/page.html"],
      { stdin: envelopes(1) },
    );
    expect(status).toBe(74);
    expect(errors).toMatch(/--record \/nowhere\/page\.html can't be written: ENOENT/);
    expect(server.connections).toEqual([]);
  });
});

/** What was drawn on a terminal, one after the other: without the sequences that move its cursor. */
function rowsOf(out: string): string[] {
  return out.split(new RegExp(`\\r|\\n|${"\x1b"}\\[\\d*[A-Za-z]`)).filter((row) => row !== "");
}

describe.skipIf(!hasTerminal)("on a terminal", () => {
  test("a bar with rate, in flight, fates and time left; the results do not disturb it", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "envelopes.jsonl"), envelopes(60));
    // Far enough away that there is something to be seen.
    await using server = await createTestServer({ latency: 20 });
    const { status, out } = await runInTerminal(
      ["send", "--server", server.url, "--connections", "1", "--window", "20", "envelopes.jsonl"],
      { cwd: folder, redirect: "> results.jsonl" },
    );
    expect(status).toBe(0);
    const drawn = rowsOf(out);
    expect(drawn.filter((row) => row.length > 80)).toEqual([]);
    const bar = /^[█▓▒░ ]{20} ([\d,]+) of ([\d,]+) messages, [\d.,]+\/s, \d+ in flight, [\d,]+ succeeded/;
    const rows = drawn.flatMap((row) => bar.exec(row)?.slice(1) ?? []);
    expect(rows.length).toBeGreaterThan(0);
    expect(drawn.at(-1)).toMatch(/^60 messages in \d+ s, .*: 60 succeeded, 0 failed, 0 unknown$/);
    expect(jsonOf(readFileSync(join(folder, "results.jsonl"), "utf8"))).toHaveLength(60);
  });

  test("results on the same terminal are whole lines", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "envelopes.jsonl"), envelopes(50));
    await using server = await createTestServer({ latency: 20 });
    const { status, out } = await runInTerminal(
      ["send", "--server", server.url, "--connections", "1", "--window", "2", "envelopes.jsonl"],
      { cwd: folder },
    );
    expect(status).toBe(0);
    const lines = out
      .split("\n")
      .map((row) => row.slice(row.indexOf('{"time"')).trimEnd())
      .filter((row) => row.startsWith("{"));
    expect(lines.map((line) => JSON.parse(line).to).toSorted()).toEqual(
      Array.from({ length: 50 }, (_, i) => `user${i}@example.net`).toSorted(),
    );
  });

  test("Ctrl-C", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "envelopes.jsonl"), envelopes(2_000));
    await using server = await createTestServer({ latency: 20 });
    const { status, out } = await runInTerminal(
      ["send", "--server", server.url, "--connections", "1", "--window", "10", "envelopes.jsonl"],
      { cwd: folder, redirect: "> results.jsonl", interruptAt: [/[1-9]\d* succeeded/] },
    );
    expect(status).toBe(130);
    expect(out).toMatch(/Ending: \d+ messages are in flight\. Ctrl-C once more stops at once\./);
    const results = jsonOf(readFileSync(join(folder, "results.jsonl"), "utf8"));
    expect(results).toHaveLength(server.messages.length);
    expect(results.length).toBeLessThan(2_000);
  });

  test("without files and with nobody writing to it, it says what to write", async () => {
    const { status, out } = await runInTerminal(["send", "--server", "smtp://127.0.0.1:1"], {
      cwd: temporary(),
    });
    expect(status).toBe(64);
    expect(out).toContain("No files: write files or directories, or - for standard input");
  });
});
