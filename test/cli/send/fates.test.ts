import { closeSync, openSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createTestServer, cut } from "smtp-pipelining/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { jsonOf, runProcess, runUnread, startProcess, temporary } from "../../support/cli-process.ts";

/** Envelopes to these addresses, one message each. */
function envelopes(...to: readonly string[]): string {
  return to
    .map((address) => ({ id: address, from: "me@example.org", to: address, data: "Subject: x\r\n\r\nx\r\n" }))
    .map((envelope) => `${JSON.stringify(envelope)}\n`)
    .join("");
}

function printed(out: string): string[] {
  const lines = jsonOf(out) as { to: string; status: string; stage: string; retryable: boolean }[];
  return lines.map(
    ({ to, status, stage, retryable }) => `${to} ${status} ${stage}${retryable ? " retryable" : ""}`,
  );
}

const REPLIES = {
  "RCPT TO:<nobody@": "550 5.1.1 No such user here",
  "RCPT TO:<full@": "452 4.2.2 Mailbox full",
};

describe("fates and exit statuses", () => {
  test("refused for good: 65", async () => {
    await using server = await createTestServer({ replies: REPLIES });
    const { status, out, errors } = await runProcess(["send", "--server", server.url], {
      stdin: envelopes("a@example.net", "nobody@example.net"),
    });
    expect(status).toBe(65);
    expect(printed(out).toSorted()).toEqual([
      "a@example.net succeeded message",
      "nobody@example.net failed rcpt",
    ]);
    expect(jsonOf(out)).toContainEqual(
      expect.objectContaining({
        id: "nobody@example.net",
        reply: { code: 550, enhanced: "5.1.1", text: expect.stringContaining("No such user here") },
      }),
    );
    expect(errors).toMatch(/1 succeeded, 1 failed, 0 unknown\n$/);
  });

  test("refused for now: 75, whatever else; --print failures leaves the successes away", async () => {
    await using server = await createTestServer({ replies: REPLIES });
    const { status, out, errors } = await runProcess(
      ["send", "--server", server.url, "--print", "failures"],
      { stdin: envelopes("a@example.net", "nobody@example.net", "full@example.net") },
    );
    expect(status).toBe(75);
    expect(printed(out).toSorted()).toEqual([
      "full@example.net failed rcpt retryable",
      "nobody@example.net failed rcpt",
    ]);
    expect(errors).toMatch(/\n1 recipient of the failed may succeed later\n$/);
  });

  test("a connection that is lost behind a text: unknown, 74, and told at the end", async () => {
    await using server = await createTestServer({
      replies: { "RCPT TO:<nobody@": "550 No" },
      faults: [cut({ at: "text", how: "fin" })],
    });
    const { status, out, errors } = await runProcess(
      ["send", "--server", server.url, "--connections", "1", "--print", "none"],
      { stdin: envelopes("a@example.net", "b@example.net") },
    );
    expect(status).toBe(74);
    expect(out).toBe("");
    expect(errors).toMatch(
      /^2 messages .*: 1 succeeded, 0 failed, 1 unknown\nunknown: a@example\.net, message a@example\.net\n$/,
    );
    expect(server.messages.map(({ to }) => to)).toEqual([["a@example.net"], ["b@example.net"]]);
  });

  test("--require-all sends no text where one recipient is refused", async () => {
    const envelope = { from: "", to: ["a@example.net", "nobody@example.net"], data: "Subject: x\r\n\r\n" };
    await using server = await createTestServer({ replies: REPLIES });
    const { status, out } = await runProcess(["send", "--server", server.url, "--require-all"], {
      stdin: `${JSON.stringify(envelope)}\n`,
    });
    // The one that was accepted may be sent to without the other.
    expect(status).toBe(75);
    expect(printed(out)).toHaveLength(2);
    expect(printed(out).filter((line) => line.includes("succeeded"))).toEqual([]);
    expect(server.messages).toEqual([]);
  });

  test("--quiet says nothing but the results", async () => {
    await using server = await createTestServer();
    const { status, errors } = await runProcess(["send", "--server", server.url, "--quiet"], {
      stdin: envelopes("a@example.net"),
    });
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
  });
});

describe("no session with the server: nothing was sent, and nothing is printed", () => {
  test("nobody listens", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => free.once("listening", resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const { status, out, errors } = await runProcess(["send", "--server", `smtp://127.0.0.1:${port}`], {
      stdin: envelopes("a@example.net"),
    });
    expect({ status, out }).toEqual({ status: 69, out: "" });
    expect(errors).toMatch(/^smtp-pipelining: Nothing was sent: .*ECONNREFUSED.* \(ESMTP_CONNECT\)\n$/m);
  });

  test.each<[string, number, Parameters<typeof createTestServer>[0], readonly string[]]>([
    ["it refuses everybody", 69, { replies: { greeting: "554 No mail here" } }, []],
    ["it is busy", 75, { replies: { greeting: "421 Too busy" } }, []],
    ["it has no TLS, and TLS is required", 69, {}, ["--tls", "required"]],
    [
      "it refuses the password",
      77,
      { accounts: { me: "another" } },
      ["--user", "me", "--tls", "off", "--insecure-auth"],
    ],
  ])("%s: %i", async (_, expected, options, args) => {
    await using server = await createTestServer(options);
    const { status, out, errors } = await runProcess(["send", "--server", server.url, ...args], {
      stdin: envelopes("a@example.net"),
      env: { SMTP_PASSWORD: "secret" },
    });
    expect(errors).toMatch(/^smtp-pipelining: Nothing was sent: .* \(ESMTP_\w+\)\n/m);
    expect({ status, out }).toEqual({ status: expected, out: "" });
    expect(errors).not.toContain("secret");
    expect(server.messages).toEqual([]);
  });
});

test("a broken pipe ends it: what is on the wire is waited for, no more is begun, nothing is said", async () => {
  const folder = temporary();
  const all = Array.from({ length: 5_000 }, (_, i) => `user${i}@example.net`);
  writeFileSync(join(folder, "envelopes.jsonl"), envelopes(...all));
  await using server = await createTestServer();
  const { status, errors } = await runUnread(["send", "--server", server.url, "envelopes.jsonl"], folder);
  expect({ status, errors }).toEqual({ status: 74, errors: "" });
  await server.disconnected();
  expect(server.messages.length).toBeGreaterThan(0);
  expect(server.messages.length).toBeLessThan(all.length);
});

test("results on a full disk end it, and are told of", async () => {
  const full = openSync("/dev/full", "w");
  onTestFinished(() => closeSync(full));
  await using server = await createTestServer();
  const { status, errors } = await runProcess(["send", "--server", server.url], {
    stdin: envelopes("a@example.net"),
    stdout: full,
  });
  expect(status).toBe(74);
  expect(errors).toMatch(/^smtp-pipelining: The results can't be written: .*ENOSPC/m);
});

test("input that comes slowly is sent as it comes", async () => {
  await using server = await createTestServer();
  const { child, ended, printed } = startProcess(["send", "--server", server.url], { stdin: "open" });
  child.stdin?.write(envelopes("a@example.net"));
  await printed(/"to":"a@example\.net","status":"succeeded"/);
  child.stdin?.end(envelopes("b@example.net"));
  expect((await ended).status).toBe(0);
  expect(server.messages).toHaveLength(2);
});

test("Ctrl-C stops reading, and waits for what is on the wire; what was not begun is not printed", async () => {
  let answer: (reply: string) => void = () => undefined;
  await using server = await createTestServer({
    replies: { text: () => new Promise<string>((resolve) => (answer = resolve)) },
  });
  const { child, ended, said } = startProcess(
    ["send", "--server", server.url, "--connections", "1", "--pipelining", "transaction"],
    { stdin: "open" },
  );
  onTestFinished(() => answer(""));
  child.stdin?.write(envelopes("a@example.net", "b@example.net"));
  await server.received("text");
  child.kill("SIGINT");
  await said(/^Ending: \d+ messages are in flight\. Ctrl-C once more stops at once\.\n/m);
  answer("250 2.6.0 Taken");
  const { status, out, errors } = await ended;
  expect(status).toBe(130);
  expect(printed(out)).toEqual(["a@example.net succeeded message"]);
  expect(errors).toMatch(/1 succeeded, 0 failed, 0 unknown\n1 recipient not tried\n$/);
  expect(server.messages).toHaveLength(1);
});

test("Ctrl-C twice stops at once: what is on the wire is unknown", async () => {
  await using server = await createTestServer({
    replies: { text: () => new Promise<string>(() => undefined) },
  });
  const { child, ended, said } = startProcess(["send", "--server", server.url], { stdin: "open" });
  child.stdin?.write(envelopes("a@example.net"));
  await server.received("text");
  child.kill("SIGINT");
  await said(/^Ending: /m);
  child.kill("SIGINT");
  const { status, out, errors } = await ended;
  expect(status).toBe(130);
  expect(printed(out)).toEqual(["a@example.net unknown connection"]);
  expect(errors).toMatch(/\nunknown: a@example\.net, message a@example\.net\n$/);
});
