import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { EventLog } from "../../examples/events/log.ts";
import { hasTerminal, runExample, runInTerminal } from "./run.ts";

/** The lines of the log about one message, without their times. */
function about(out: string, messageId: string): string[] {
  return out.split("\n").flatMap((line) => {
    const [, id, rest = ""] = /^ *\d+ ms {2}(\S+) +(.*)$/.exec(line) ?? [];
    return id === messageId ? [rest.replace(/ {2,}/g, " | ").replace(/; waited .*/, "")] : [];
  });
}

test("every event of every message is told, and who is worth another try", async () => {
  const { status, out, errors } = await runExample("events/main.ts");

  expect({ status, errors }).toEqual({ status: 0, errors: "" });
  expect(about(out, "welcome")).toEqual([
    "recipientAccepted | ana@example.net | 250 2.1.5 Accepted",
    "recipientSucceeded | ana@example.net | 250 2.6.0 OK: message queued",
    "messageEnd | 1 succeeded, 0 failed, 0 unknown",
  ]);
  expect(about(out, "invoice")).toEqual([
    "recipientAccepted | bob@example.net | 250 2.1.5 Accepted",
    "recipientFailed | nobody@example.net | 550 5.1.1 No such user here",
    "recipientSucceeded | bob@example.net | 250 2.6.0 OK: message queued",
    "messageEnd | 1 succeeded, 1 failed, 0 unknown",
  ]);
  expect(about(out, "reminder")).toEqual([
    "recipientFailed | busy@example.net | 450 4.2.1 Mailbox busy, try again later",
    "messageEnd | 0 succeeded, 1 failed, 0 unknown",
  ]);
  const news = about(out, "news");
  expect(news[0]).toMatch(/^recipientFailed \| not an address \| ESMTP_INVALID_ADDRESS /);
  expect(news.slice(1)).toEqual([
    "recipientAccepted | carol@example.net | 250 2.1.5 Accepted",
    "recipientSucceeded | carol@example.net | 250 2.6.0 OK: message queued",
    "messageEnd | 1 succeeded, 1 failed, 0 unknown",
  ]);
  expect(about(out, "offers")).toEqual([
    "recipientFailed | ana@example.net | 550 5.1.1 We want no mail from you",
    "recipientFailed | bob@example.net | 550 5.1.1 We want no mail from you",
    "messageEnd | 0 succeeded, 2 failed, 0 unknown",
  ]);
  expect(out).toMatch(/ groupEnd +group 4: text RSET MAIL RCPT RCPT DATA; \d+ ms$/m);
  expect(out).toMatch(/\n *\d+ ms +close +quit\n\n/);
  expect(out.slice(out.lastIndexOf("\n\n"))).toBe(`

7 messages, 10 recipients: 5 succeeded, 5 failed, 0 unknown.
Worth another try:
  reminder  busy@example.net    450 4.2.1 Mailbox busy, try again later
`);
  // Times never run backwards.
  const times = [...out.matchAll(/^ *(\d+) ms /gm)].map(([, time]) => Number(time));
  expect(times.length).toBeGreaterThan(25);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test("a server that hangs up: an unknown fate, a failed one that is retryable, and why", async () => {
  const { status, out } = await runExample("events/main.ts", ["--hang-up"]);

  expect(status).toBe(1);
  expect(about(out, "meeting")).toEqual([
    "recipientAccepted | dave@example.net | 250 2.1.5 Accepted",
    expect.stringMatching(/^recipientUnknown \| dave@example\.net \| ESMTP_CONNECTION_LOST /),
    "messageEnd | 0 succeeded, 0 failed, 1 unknown",
  ]);
  expect(out).toMatch(/ error +ESMTP_CONNECTION_LOST /);
  expect(out).toMatch(/ close +server\n\n/);
  expect(out).toMatch(
    /\n\n7 messages, 10 recipients: 3 succeeded, 6 failed, 1 unknown\.\nWorth another try:\n {2}reminder +busy@.*\n {2}goodbye +erin@example\.net +ESMTP_CONNECTION_LOST .*\n$/,
  );
});

test.runIf(hasTerminal)("on a terminal a line is one row, and has a colour", async () => {
  const { out } = await runInTerminal("events/main.ts");
  const rows = out.split("\r\n");
  expect(rows.some((row) => row.startsWith("\x1b[32m") && row.includes(" recipientSucceeded "))).toBe(true);
  const shown = rows.map((row) => stripVTControlCharacters(row));
  expect(Math.max(...shown.map(({ length }) => length))).toBeLessThanOrEqual(100);
  expect(shown.filter((row) => row.endsWith("…")).length).toBeGreaterThan(0);
});

test("a warning is told with its code, and nobody is worth another try", () => {
  let out = "";
  const log = new EventLog({ write: (text) => (out += text) }, {});
  const code = "ESMTP_FOLLOW_ON_SLOW";
  const event = { sessionId: "s", time: 1_000, code, message: "Too \x1bslow" };
  log.problem("warning", event, event);
  log.summary({ ok: true, messages: 1, succeeded: 1, failed: 0, unknown: 0 }, []);
  expect(out.split("\n").slice(1)).toEqual([
    "   0 ms            warning             ESMTP_FOLLOW_ON_SLOW Too ·slow",
    "",
    "1 message, 1 recipient: 1 succeeded, 0 failed, 0 unknown.",
    "Nobody is worth another try.",
    "",
  ]);
  expect(log.failed).toBe(false);
});

test("on a narrow terminal what happened stands below, in rows that fit", () => {
  let out = "";
  const log = new EventLog({ isTTY: true, columns: 60, write: (text) => (out += text) }, { NO_COLOR: "1" });
  const code = "ESMTP_FOLLOW_ON_SLOW";
  const message = "The server is slow to answer what is pipelined behind a text";
  const event = { sessionId: "s", time: 1_000, code, message } as const;
  log.problem("warning", event, event);
  expect(out.split("\n")).toEqual([
    "   time  message   event",
    "   0 ms            warning",
    "         ESMTP_FOLLOW_ON_SLOW The server is slow to answer",
    "         what is pipelined behind a text",
    "",
  ]);
});

test("says how it is used, and what is wrong with its arguments", async () => {
  const help = await runExample("events/main.ts", ["--help"]);
  expect({ status: help.status, errors: help.errors }).toEqual({ status: 0, errors: "" });
  expect(help.out).toMatch(/^Sends .* --hang-up .*Exit status: 0 .* 2 wrong arguments\.\n$/s);
  const wrong = await runExample("events/main.ts", ["--loud"]);
  expect(wrong).toEqual({
    status: 2,
    out: "",
    errors: "Unknown option '--loud'\n\nNothing was sent. npm run example:events -- --help says more.\n",
  });
});
