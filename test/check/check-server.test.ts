import { createTestServer, type TestServerOptions } from "smtp-pipelining/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ServerReport } from "../../src/check/report.ts";
import { runCli } from "../support/cli-shell.ts";

const OFFER = ["PIPELINING", "CHUNKING", "8BITMIME", "SIZE 1000000"];

const PATIENTLY = ["--timeout", "5000"];

interface Checked {
  readonly status: number;
  readonly out: string;
  readonly errors: string;
  /** How many messages the server has taken. */
  readonly taken: number;
  readonly report: ServerReport | undefined;
}

async function check(options: TestServerOptions, ...args: readonly string[]): Promise<Checked> {
  const server = await createTestServer(options);
  onTestFinished(() => server.close());
  const { status, out, errors } = await runCli(
    [
      "check",
      server.url,
      "--name",
      "client.example",
      ...(args.includes("--timeout") ? [] : PATIENTLY),
      ...args,
    ],
    { env: { SMTP_PASSWORD: "pass, word" } },
  );
  await server.disconnected();
  const report = args.includes("--json") ? (JSON.parse(out) as ServerReport) : undefined;
  return { status, out, errors, taken: server.messages.length, report };
}

const options = (report: ServerReport | undefined): string[] | undefined =>
  report?.advice.map(({ option }) => option);

test("without a recipient nothing is sent, and the report says what the server offers", async () => {
  const { status, out, errors, taken } = await check({ extensions: OFFER });
  expect({ status, taken }).toEqual({ status: 0, taken: 0 });
  expect(errors).toBe("... connecting\n... measuring the round trip\n... saying what it does not know\n");
  expect(out).toContain("\n  CHUNKING       texts with BDAT\n");
  expect(out).toContain("\n  SIZE           1000000 octets at most\n");
  expect(out).toMatch(/\n {2}TLS {12}none\n/);
  expect(out).toMatch(/\n {2}round trip {5}\d+\.\d ms\n/);
  expect(out).toContain("\n  ok a command that it does not know: 5");
  expect(out).toContain('  *  pipelining: "auto": finds out by itself');
  for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(72);
});

test("with a recipient: a good server bears everything", async () => {
  const { status, taken, report } = await check({ extensions: OFFER }, "--to", "me@example.net", "--json");
  expect({ status, taken }).toEqual({ status: 0, taken: 8 });
  expect(report?.trials.map(({ name, ok }) => [name, ok])).toEqual([
    ["a command that it does not know", true],
    ["3 messages with DATA, pipelined across messages", true],
    ["5 messages with BDAT, in bursts", true],
  ]);
  expect(options(report)).toEqual(['pipelining: "auto"', 'chunking: "auto"']);
  expect(report?.advice[1]?.why).toBe("it bears bursts: distance does not matter");
});

test("PIPECONNECT is tried with a session of its own", async () => {
  const { report } = await check(
    { extensions: ["PIPELINING", "PIPECONNECT"] },
    "--to",
    "me@example.net",
    "--json",
  );
  expect(report?.trials.at(-1)).toEqual({
    name: "an envelope with the connection",
    ok: true,
    found: "it bears it",
  });
});

describe("a server with a flaw", () => {
  test.each<[string, TestServerOptions, string[]]>([
    ["no PIPELINING", { extensions: ["8BITMIME"] }, ['pipelining: "off"']],
    [
      "it refuses what stands behind a text",
      { extensions: ["PIPELINING"], flaws: { behindText: "refuses" } },
      ['pipelining: "transaction"'],
    ],
    [
      "it swallows what stands behind a text",
      { extensions: ["PIPELINING"], flaws: { behindText: "swallows" } },
      ['pipelining: "transaction"'],
    ],
    [
      "it runs refused texts as commands",
      { extensions: OFFER, flaws: { runsRefusedChunks: true } },
      ['pipelining: "auto"', 'chunking: "off"'],
    ],
  ])("%s", async (_, server, expected) => {
    const { report } = await check(server, "--to", "me@example.net", "--json");
    expect(options(report), JSON.stringify(report?.trials)).toEqual(expected);
  });

  test("a refused recipient: the trials fail, and say why", async () => {
    const { status, out, taken } = await check(
      { extensions: ["PIPELINING"], replies: { "RCPT TO": "550 5.1.1 No such user" } },
      "--to",
      "me@example.net",
    );
    expect({ status, taken }).toEqual({ status: 69, taken: 0 });
    expect(out).toMatch(/NO 3 messages with DATA[^*]*0 of 3 taken[^*]*rcpt: 550\s+5\.1\.1 No such user/);
  });

  test("what it says has no power over the terminal", async () => {
    const { out } = await check({ replies: { greeting: "220 \u001b[2Jhello\u202e" } });
    expect(out).toContain("220 [2Jhello");
    expect([out.includes("\u001b"), out.includes("\u202e")]).toEqual([false, false]);
  });
});

test("TLS and AUTH", async () => {
  const { report, status } = await check(
    { tls: "starttls", accounts: { me: "pass, word" } },
    "--json",
    "--tls",
    "opportunistic",
  );
  expect(status).toBe(0);
  expect(report).toMatchObject({ tlsVersion: "TLSv1.3", verified: false });
  const untrusted = await check({ tls: "starttls" }, "--tls", "required");
  expect(untrusted.status).toBe(69);
  expect(untrusted.out).toMatch(/no session {5}.*certificate/);
  expect(untrusted.out).toContain("Try --tls opportunistic");
});

describe("no session", () => {
  test("nobody listens there", async () => {
    const server = await createTestServer();
    const { port } = server;
    await server.close();
    const { status, out } = await runCli(["check", `127.0.0.1:${port}`]);
    expect(status).toBe(69);
    expect(out).toContain("ECONNREFUSED");
    expect(out).toContain("Is the port right?");
  });

  test("it refuses to talk, or does not answer", async () => {
    const refusing = await check({ replies: { greeting: "554 not you" } });
    expect(refusing).toMatchObject({ status: 69, out: expect.stringContaining("554 not you") });
    const silent = await check({ replies: { greeting: "" } }, "--timeout", "50");
    expect(silent).toMatchObject({ status: 69, out: expect.stringContaining("no greeting came") });
  });
});
