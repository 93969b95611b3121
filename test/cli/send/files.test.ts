import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTestServer } from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import { jsonOf, runProcess, temporary } from "../../support/cli-process.ts";

/** A message as a mail client saves it. */
function eml(to: string, subject: string): string {
  return `From: Me <me@example.org>\r\nTo: ${to}\r\nSubject: ${subject}\r\n\r\n${subject}'s text\r\n`;
}

const SENT = (to: readonly string[], subject: string, path = "a@example.net") => ({
  from: "me@example.org",
  to,
  text: eml(path, subject),
});

describe("where messages come from", () => {
  test("files, and a folder of them: each goes as it is, to those in its header", async () => {
    const folder = temporary();
    mkdirSync(join(folder, "more"));
    writeFileSync(join(folder, "1.eml"), eml("a@example.net", "one"));
    writeFileSync(join(folder, "more/2.eml"), eml("b@example.net, c@example.net", "two"));
    await using server = await createTestServer();
    const { status, out, errors } = await runProcess(["send", "--server", server.url, "1.eml", "more"], {
      cwd: folder,
    });
    expect(errors).toMatch(/^2 messages in \d+ s, .*: 3 succeeded, 0 failed, 0 unknown\n$/);
    expect(status).toBe(0);
    expect(server.messages.toSorted((one, other) => (one.text < other.text ? -1 : 1))).toMatchObject([
      SENT(["a@example.net"], "one"),
      SENT(["b@example.net", "c@example.net"], "two", "b@example.net, c@example.net"),
    ]);
    const lines = jsonOf(out);
    expect(lines).toHaveLength(3);
    expect(lines).toContainEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      id: expect.stringContaining("1.eml#"),
      source: join(folder, "1.eml"),
      from: "me@example.org",
      to: "a@example.net",
      status: "succeeded",
      stage: "message",
      retryable: false,
      reply: { code: 250, enhanced: expect.stringMatching(/^2\./), text: expect.any(String) },
    });
  });

  test("a Maildir", async () => {
    const folder = temporary();
    for (const name of ["cur", "new", "tmp"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "cur/1.M1.host:2,S"), eml("a@example.net", "read"));
    writeFileSync(join(folder, "new/2.M2.host"), eml("a@example.net", "new"));
    writeFileSync(join(folder, "tmp/3.M3.host"), "From: half a mess");
    await using server = await createTestServer();
    const { status } = await runProcess(["send", "--server", server.url, folder]);
    expect(status).toBe(0);
    expect(server.messages.map(({ text }) => text).toSorted()).toEqual([
      eml("a@example.net", "new"),
      eml("a@example.net", "read"),
    ]);
  });

  test("an mbox file: its senders are those of its From lines, and quoted lines are read back", async () => {
    const folder = temporary();
    const mbox = [
      "From sender@example.org Mon Jan  5 10:00:00 2026",
      "From: other@example.org",
      "To: a@example.net",
      "",
      ">From here on",
      "",
      "From MAILER-DAEMON Mon Jan  5 10:01:00 2026",
      "From: me@example.org",
      "To: b@example.net",
      "",
      "second",
      "",
      "",
    ].join("\n");
    writeFileSync(join(folder, "inbox"), mbox);
    await using server = await createTestServer();
    const { status, out } = await runProcess(["send", "--server", server.url, "inbox"], { cwd: folder });
    expect(status).toBe(0);
    const sent = server.messages.map(({ from, to, text }) => ({ from, to, text }));
    expect(sent.toSorted((one, other) => (one.to < other.to ? -1 : 1))).toEqual([
      {
        from: "sender@example.org",
        to: ["a@example.net"],
        text: "From: other@example.org\r\nTo: a@example.net\r\n\r\nFrom here on\r\n",
      },
      {
        from: "me@example.org",
        to: ["b@example.net"],
        text: "From: me@example.org\r\nTo: b@example.net\r\n\r\nsecond\r\n",
      },
    ]);
    expect(jsonOf(out)).toContainEqual(expect.objectContaining({ to: "a@example.net", offset: 0 }));
  });

  test("envelopes as JSON Lines on standard input: with id, tag and ESMTP parameters", async () => {
    const lines = [
      { from: "", to: "a@example.net", data: "Subject: one\r\n\r\n1\r\n", id: "one", tag: { order: 17 } },
      {
        from: "me@example.org",
        to: [{ address: "b@example.net", notify: ["FAILURE"] }],
        data: "Subject: two\r\n\r\n2\r\n",
        dsn: { ret: "HDRS" },
      },
    ];
    await using server = await createTestServer();
    const { status, out } = await runProcess(["send", "--server", server.url], {
      stdin: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    });
    expect(status).toBe(0);
    expect(jsonOf(out)).toContainEqual(
      expect.objectContaining({ id: "one", source: "-", line: 1, from: "", tag: { order: 17 } }),
    );
    const two = server.messages.find(({ to }) => to.includes("b@example.net"));
    expect(two?.envelope).toEqual([
      "MAIL FROM:<me@example.org> RET=HDRS",
      "RCPT TO:<b@example.net> NOTIFY=FAILURE",
    ]);
  });

  test("a message on standard input, to whom --from and --to say; blind copies are told nobody", async () => {
    await using server = await createTestServer();
    const { status } = await runProcess(
      ["send", "--server", server.url, "--from", "<>", "--to", "x@example.net", "--to", "y@example.net"],
      { stdin: `Bcc: secret@example.org\r\n${eml("a@example.net", "one")}` },
    );
    expect(status).toBe(0);
    expect(server.messages).toMatchObject([
      { from: "", to: ["x@example.net", "y@example.net"], text: eml("a@example.net", "one") },
    ]);
  });

  test("SMTP_SERVER names the server, and SMTP_PASSWORD the password", async () => {
    await using server = await createTestServer({ tls: "starttls", accounts: { me: "pass word" } });
    const folder = temporary();
    writeFileSync(join(folder, "ca.pem"), server.certificate);
    const { status, errors } = await runProcess(
      ["send", "--user", "me", "--ca", "ca.pem", "--servername", "localhost", "-"],
      {
        cwd: folder,
        stdin: eml("a@example.net", "one"),
        env: { SMTP_SERVER: server.url, SMTP_PASSWORD: "pass word" },
      },
    );
    expect(errors).toMatch(/1 succeeded/);
    expect(status).toBe(0);
    expect(server.messages).toMatchObject([{ user: "me", secure: true }]);
  });
});

test("--dry-run says who would get what, and connects to nobody", async () => {
  const folder = temporary();
  writeFileSync(join(folder, "1.eml"), eml("a@example.net, B <b@example.net>", "one"));
  writeFileSync(join(folder, "2.eml"), "no message");
  await using server = await createTestServer();
  const { status, out, errors } = await runProcess(["send", "--dry-run", "--server", server.url, "."], {
    cwd: folder,
  });
  expect(status).toBe(65);
  expect(errors).toBe("1 message would be sent, 1 can't be\n");
  expect(jsonOf(out)).toEqual([
    {
      id: expect.stringContaining("1.eml#"),
      source: join(folder, "1.eml"),
      from: "me@example.org",
      to: ["a@example.net", "b@example.net"],
      size: eml("a@example.net, B <b@example.net>", "one").length,
    },
    expect.objectContaining({ source: join(folder, "2.eml"), status: "failed", stage: "input" }),
  ]);
  expect(server.connections).toEqual([]);
});

describe("bad files", () => {
  test("those that can't be sent are told of, and the others go", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "1.eml"), eml("a@example.net", "one"));
    writeFileSync(join(folder, "2.eml"), "");
    writeFileSync(join(folder, "3.eml"), "\x7fELF\x02\x01\x01");
    writeFileSync(join(folder, "4.eml"), "From: me@example.org\r\nSubject: to nobody\r\n\r\n.\r\n");
    writeFileSync(join(folder, "5.jsonl"), '{"from": "me@example.org"\n{"data": 1}\n');
    await using server = await createTestServer();
    const { status, out, errors } = await runProcess(["send", "--server", server.url, "."], { cwd: folder });
    expect(status).toBe(65);
    expect(server.messages.map(({ text }) => text)).toEqual([eml("a@example.net", "one")]);
    const problems = (jsonOf(out) as { stage: string; error: { code: string } }[]).filter(
      ({ stage }) => stage === "input",
    );
    expect(problems.map(({ error }) => error.code)).toEqual([
      "not-a-message",
      "not-a-message",
      "no-recipients",
      "bad-line",
      "bad-line",
    ]);
    expect(errors).toMatch(/^5 messages of the input can't be sent\n(.*: .*\n){5}$/m);
  });

  test("a file that is not there ends it before anything is sent", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "1.eml"), eml("a@example.net", "one"));
    await using server = await createTestServer();
    const { status, out, errors } = await runProcess(["send", "--server", server.url, "1.eml", "2.eml"], {
      cwd: folder,
    });
    expect({ status, out, errors }).toEqual({
      status: 66,
      out: "",
      errors: "smtp-pipelining: 2.eml: it can't be read: there is no such file\n",
    });
    expect(server.connections).toEqual([]);
  });
});
