import { createTestServer } from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import { hasTerminal, runInTerminal, runProcess, startProcess, temporary } from "../support/cli-process.ts";

describe("check", () => {
  test("says what a server offers, and sends nothing without --to", async () => {
    await using server = await createTestServer();
    const { status, out } = await runProcess(["check", server.url]);
    expect(status).toBe(0);
    expect(out).toContain(`127.0.0.1:${server.port}`);
    expect(out).toContain("PIPELINING");
    expect(server.commands.filter(({ verb }) => verb === "MAIL")).toEqual([]);
  });

  test("with --to messages are sent; --json is JSON and nothing else", async () => {
    await using server = await createTestServer();
    const { status, out, errors } = await runProcess([
      "check",
      server.url,
      "--to",
      "me@example.org",
      "--json",
    ]);
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
    expect(JSON.parse(out)).toMatchObject({ port: server.port, offers: { PIPELINING: expect.anything() } });
    expect(server.messages.length).toBeGreaterThan(0);
    expect(server.messages.length).toBeLessThanOrEqual(9);
  });

  test("no server", async () => {
    const { status, out } = await runProcess(["check", "smtp://127.0.0.1:1"]);
    expect(status).toBe(69);
    expect(out).toMatch(/ECONNREFUSED/);
  });
});

test("sink, as a program's test server: it takes, refuses, logs, and ends by Ctrl-C", async () => {
  const sink = startProcess(["sink", "--port", "0", "--refuse", "nobody@*", "--log", "-"]);
  const [, url = ""] = await sink.said(/^Listening on (\S+)\. Ctrl-C ends it\.$/m);
  const { status } = await runProcess(
    ["send", "--server", url, "--to", "a@example.net", "--to", "nobody@example.net"],
    { stdin: "From: me@example.org\r\nSubject: x\r\n\r\nx\r\n" },
  );
  expect(status).toBe(65);
  sink.child.kill("SIGINT");
  const ended = await sink.ended;
  expect(ended.status).toBe(0);
  expect(JSON.parse(ended.out)).toMatchObject({ from: "me@example.org", to: ["a@example.net"] });
  expect(ended.errors).toMatch(/\n1 message to 1 recipient, \d+ octets, 1 refused\n$/);
});

test.skipIf(!hasTerminal)("sink on a terminal counts in one line", async () => {
  const { status, out } = await runInTerminal(["sink", "--port", "0"], {
    cwd: temporary(),
    interruptAt: [/0 messages to 0 recipients, 0 octets; 0\.0\/s, 0 connections/],
  });
  expect(status).toBe(0);
  expect(out).toMatch(/^Listening on smtp:\/\/127\.0\.0\.1:\d+\. /);
});

test("a log that nobody reads any more ends a sink", async () => {
  const sink = startProcess(["sink", "--port", "0", "--log", "-"]);
  const [, url = ""] = await sink.said(/^Listening on (\S+)\. /m);
  sink.child.stdout?.destroy();
  await runProcess(["send", "--server", url, "--to", "a@example.net"], {
    stdin: "From: me@example.org\r\nSubject: x\r\n\r\nx\r\n",
  });
  expect((await sink.ended).status).toBe(74);
});

test("completion prints a script for the shell", async () => {
  const { status, out } = await runProcess(["completion"]);
  expect(status).toBe(0);
  expect(out).toContain("smtp-pipelining --get-yargs-completions");
});

test("help into a pipe that nobody reads is no fault", async () => {
  const help = startProcess(["send", "--help"]);
  help.child.stdout?.destroy();
  const { status, errors } = await help.ended;
  expect({ status, errors }).toEqual({ status: 0, errors: "" });
});
