import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { InputOptions } from "../../../src/cli/input/index.ts";
import { type Given, toMessage } from "../../../src/cli/input/message.ts";
import { readOptions } from "../../../src/cli/input/options.ts";
import { octetsOf } from "./support.ts";

type Result = ReturnType<typeof toMessage>;

function read(
  text: string | readonly string[],
  options: InputOptions = {},
  given: Partial<Given> = {},
): Result {
  const octets = Buffer.from(
    typeof text === "string" ? text : [...text, "", "Hello", ""].join("\r\n"),
    "latin1",
  );
  return toMessage(
    { first: octets, size: octets.length },
    { origin: { path: "/in.eml" }, ...given },
    readOptions(["x"], options),
  );
}

/** UTF-8, an octet a character. */
function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function envelope(...args: Parameters<typeof read>): string {
  const { message, problem } = read(...args);
  if (message === undefined) return problem.code;
  return `${message.from} -> ${[message.to].flat().join(" ")}`;
}

describe("the forward-paths", () => {
  const from = "From: me@example.org";
  test.each<[string, string[], string]>([
    [
      "To, Cc and Bcc",
      ["To: a@example.net", "Cc: b@example.net", "Bcc: c@example.net"],
      "a@example.net b@example.net c@example.net",
    ],
    ["Bcc alone", ["Bcc: c@example.net"], "c@example.net"],
    [
      "in any case, with white space before the colon",
      ["tO : a@example.net", "CC:b@example.net"],
      "a@example.net b@example.net",
    ],
    ["folded", ["To: Ann\r\n <a@example.net>,\r\n\tb@example.net"], "a@example.net b@example.net"],
    ["folded within a quoted string", ['To: "Ann\r\n Bee" <a@example.net>'], "a@example.net"],
    ["several fields of a name", ["To: a@example.net", "To: b@example.net"], "a@example.net b@example.net"],
    [
      "each address once",
      ["To: a@example.net, A@example.net", "Cc: a@EXAMPLE.NET"],
      "a@example.net A@example.net",
    ],
    [
      "groups",
      ["To: Undisclosed recipients:;", "Cc: Team: a@example.net, b@example.net;"],
      "a@example.net b@example.net",
    ],
    ["what is no address fails by itself", ["To: Doe, John <a@example.net>"], "Doe a@example.net"],
    [
      "nobody else",
      ["Reply-To: x@example.net", "Delivered-To: y@example.net", "X-To: z@example.net", "To: a@example.net"],
      "a@example.net",
    ],
    ["behind a line that is no field", ["this is none", "To: a@example.net"], "a@example.net"],
    ["SMTPUTF8", [utf8("To: Δ <δοκιμή@παράδειγμα.example>")], "δοκιμή@παράδειγμα.example"],
  ])("%s", (_name, fields, to) => {
    expect(envelope([from, ...fields])).toBe(`me@example.org -> ${to}`);
  });

  test.each<[string, string[]]>([
    ["no field", ["Subject: x"]],
    ["only an empty group", ["To: Undisclosed recipients:;"]],
    ["only in the text", ["Subject: x", "", "To: a@example.net"]],
  ])("nobody: %s", (_name, fields) => {
    const { problem } = read([from, ...fields]);
    expect(problem?.code).toBe("no-recipients");
    expect(problem?.message).toMatch(/^\/in\.eml: .*To, Cc or Bcc.*--to/);
  });
});

describe("the reverse-path", () => {
  const to = "To: a@example.net";
  test.each<[string, string[], string, InputOptions?, string?]>([
    ["From", ["From: Me <me@example.org>"], "me@example.org"],
    ["Sender is before From", ["From: me@example.org", "Sender: desk@example.org"], "desk@example.org"],
    [
      "Sender, where From has several",
      ["From: me@example.org, you@example.org", "Sender: me@example.org"],
      "me@example.org",
    ],
    [
      "Return-Path is before both",
      ["Return-Path: <bounces@example.org>", "From: me@example.org"],
      "bounces@example.org",
    ],
    ["the null reverse-path", ["Return-Path: <>", "From: me@example.org"], ""],
    [
      "not Return-Path if told so",
      ["Return-Path: <bounces@example.org>", "From: me@example.org"],
      "me@example.org",
      { reversePath: "header" },
    ],
    ["not a Return-Path that is none", ["Return-Path: unknown", "From: me@example.org"], "me@example.org"],
    [
      "the option is before all",
      ["Return-Path: <bounces@example.org>", "From: me@example.org"],
      "x@example.org",
      { from: "x@example.org" },
    ],
    ["the null one by option", ["From: me@example.org"], "", { from: "" }],
    [
      "the From line",
      ["From: me@example.org"],
      "box@example.org",
      {},
      "From box@example.org Tue Jan  2 10:00:00 2024",
    ],
    [
      "Return-Path is before the From line",
      ["Return-Path: <bounces@example.org>"],
      "bounces@example.org",
      {},
      "From box@example.org Tue Jan  2 10:00:00 2024",
    ],
    [
      "not the From line if told so",
      ["From: me@example.org"],
      "me@example.org",
      { reversePath: "header" },
      "From box@example.org Tue Jan  2 10:00:00 2024",
    ],
    [
      "Thunderbird's From line",
      ["From: me@example.org"],
      "me@example.org",
      {},
      "From - Tue Jan 02 10:00:00 2024",
    ],
    [
      "Gmail's From line",
      ["From: me@example.org"],
      "me@example.org",
      {},
      "From 1700000000000000000@xxx Tue Jan 02 10:00:00 +0000 2024",
    ],
    [
      "Python's From line",
      ["From: me@example.org"],
      "me@example.org",
      {},
      "From MAILER-DAEMON Tue Jan  2 10:00:00 2024",
    ],
    [
      "a local user's From line",
      ["From: me@example.org"],
      "me@example.org",
      {},
      "From root@localhost Tue Jan  2 10:00:00 2024",
    ],
    [
      "an archive's From line",
      ["From: me@example.org"],
      "me@example.org",
      {},
      "From me at example.org  Tue Jan  2 10:00:00 2024",
    ],
    [
      "git's From line",
      ["From: me@example.org"],
      "me@example.org",
      {},
      "From 4b825dc642cb6eb9a060e54bf8d69288fbee4904 Mon Sep 17 00:00:00 2001",
    ],
  ])("%s", (_name, fields, from, options, fromLine) => {
    expect(envelope([...fields, to], options, { fromLine })).toBe(`${from} -> a@example.net`);
  });

  test.each<[string, string[], RegExp]>([
    ["no From", ["Subject: x"], /^\/in\.eml: it has no From: .*--from/],
    [
      "several mailboxes",
      ["From: me@example.org, you@example.org"],
      /From has 2 mailboxes .* no Sender.*--from/,
    ],
    ["no address", ["From: Me"], /From is no address \("Me"\).*--from/],
    ["the null one in From", ["From: <>"], /From is no address \(""\)/],
    ["not UTF-8", ["From: \xe9@example.org"], /From is no address .*not UTF-8/],
  ])("nobody: %s", (_name, fields, message) => {
    const { problem } = read([...fields, to]);
    expect(problem?.code).toBe("no-sender");
    expect(problem?.message).toMatch(message);
  });
});

describe("a message that was resent, RFC 5322 §3.6.6", () => {
  const first = ["From: author@example.org", "To: first@example.net", "Cc: second@example.net"];
  const resent = ["Resent-From: me@example.org", "Resent-To: a@example.net", "Resent-Cc: b@example.net"];
  test.each<[string, string[], string]>([
    ["its block alone", [...resent, ...first], "me@example.org -> a@example.net b@example.net"],
    [
      "below other fields too",
      ["Received: x", ...first, ...resent],
      "me@example.org -> a@example.net b@example.net",
    ],
    [
      "Resent-Sender",
      ["Resent-Sender: desk@example.org", ...resent, ...first],
      "desk@example.org -> a@example.net b@example.net",
    ],
    [
      "Resent-Bcc",
      ["Resent-From: me@example.org", "Resent-Bcc: c@example.net", ...first],
      "me@example.org -> c@example.net",
    ],
    [
      "the newest block of two, with trace fields between",
      [...resent, "Received: x", "Resent-From: old@example.org", "Resent-To: old@example.net", ...first],
      "me@example.org -> a@example.net b@example.net",
    ],
    [
      "the newest of two that touch",
      [...resent, "Resent-From: old@example.org", "Resent-To: old@example.net", ...first],
      "me@example.org -> a@example.net b@example.net",
    ],
    [
      "Return-Path above it",
      ["Return-Path: <bounces@example.org>", ...resent, ...first],
      "bounces@example.org -> a@example.net b@example.net",
    ],
    [
      "not a Return-Path below it",
      [...resent, "Return-Path: <old@example.org>", ...first],
      "me@example.org -> a@example.net b@example.net",
    ],
    ["never the first recipients instead", ["Resent-From: me@example.org", ...first], "no-recipients"],
    ["nor the author", ["Resent-To: a@example.net", ...first], "no-sender"],
  ])("%s", (_name, fields, expected) => {
    expect(envelope(fields)).toBe(expected);
  });
});

test("what is given replaces what the header section says, for everybody", () => {
  const fields = ["From: me@example.org", "To: a@example.net", "Bcc: b@example.net"];
  expect(envelope(fields, { to: "x@example.net" })).toBe("me@example.org -> x@example.net");
  expect(read(fields, { to: [{ address: "x@example.net", notify: "NEVER" }] }).message?.to).toEqual([
    { address: "x@example.net", notify: "NEVER" },
  ]);
  expect(envelope(["Subject: x"], { from: "y@example.org", to: ["x@example.net"] })).toBe(
    "y@example.org -> x@example.net",
  );
});

describe("blind copies are not in the text that is sent, RFC 5322 §3.6.3", () => {
  const options = { from: "me@example.org", to: "a@example.net" };
  test.each<[string, string, string]>([
    ["a field", "To: a\r\nBcc: x\r\nCc: b\r\n\r\nBcc: y\r\n", "To: a\r\nCc: b\r\n\r\nBcc: y\r\n"],
    ["the first, the last, several", "Bcc: x\nTo: a\nBCC: y\nbcc:z\n\nHi", "To: a\n\nHi"],
    ["folded", "To: a\r\nBcc: x,\r\n\ty,\r\n z\r\nCc: b\r\n\r\n", "To: a\r\nCc: b\r\n\r\n"],
    ["Resent-Bcc", "Resent-Bcc: x\nResent-To: a\n\n", "Resent-To: a\n\n"],
    ["white space before the colon", "To: a\nBcc \t: x\n\n", "To: a\n\n"],
    [
      "behind a bare CR, which ends a line on the wire",
      "To: a\rBcc: x\rCc: b\r\n\r\nHi",
      "To: a\rCc: b\r\n\r\nHi",
    ],
    ["behind a line that is no field", "To: a\nnone\nBcc: x\n\nHi", "To: a\nnone\n\nHi"],
    ["behind a quoted From line", ">From x Tue\nBcc: x\nTo: a\n\nHi", ">From x Tue\nTo: a\n\nHi"],
    ["an empty one", "To: a\nBcc:\n\nHi", "To: a\n\nHi"],
    ["of a text that is a header section", "To: a\nBcc: x", "To: a\n"],
    [
      "nothing like it",
      "To: a\nX-Bcc: x\nBcc-x: y\n Bcc: z\n\nHi",
      "To: a\nX-Bcc: x\nBcc-x: y\n Bcc: z\n\nHi",
    ],
    ["nothing in the body", "\nBcc: x\n", "\nBcc: x\n"],
    ["behind CR CR LF, which is an empty line on the wire", "To: a\r\r\nBcc: x\n", "To: a\r\r\nBcc: x\n"],
  ])("%s", async (_name, text, sent) => {
    const { message } = read(text, options);
    expect(message === undefined ? undefined : await octetsOf(message.data)).toBe(sent);
  });

  test("and nothing else is changed, whatever the octets", async () => {
    const pieces = fc.constantFrom(
      "To: a\r\n",
      "Subject: \xe9\0\n",
      " x\n",
      "Cc: b\r",
      "Bcc: x\r\n",
      "bcc : y,\n\tz\n",
      "Resent-BCC: q\n",
      "\n",
      "\r\n",
      "body",
      "\x80",
    );
    const texts = fc.array(pieces, { maxLength: 12 }).map((parts) => ["From: me@example.org\n", ...parts]);
    await fc.assert(
      fc.asyncProperty(texts, async (parts) => {
        // In the header section whole fields are removed: those pieces, and lines that continue them.
        let inHeader = true;
        let removing = false;
        let lineStart = true;
        let expected = "";
        for (const [i, part] of parts.entries()) {
          // A bare CR in front of LF is not bare.
          const glued = parts[i - 1]?.endsWith("\r") === true && part.startsWith("\n");
          if (inHeader && lineStart && !glued && (part === "\n" || part === "\r\n")) inHeader = false;
          if (inHeader && lineStart && !glued && !part.startsWith(" "))
            removing = /^(?:resent-)?bcc ?:/i.test(part);
          if (!inHeader || !removing) expected += part;
          lineStart = /[\r\n]$/.test(part);
        }
        const { message } = read(parts.join(""), options);
        expect(message === undefined ? undefined : await octetsOf(message.data)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});

test("a header section beyond ASCII needs SMTPUTF8 if it is UTF-8; other octets go as they are", () => {
  const fields = ["From: me@example.org", "To: a@example.net"];
  expect(read([...fields, utf8("Subject: Grüße")]).message?.smtputf8).toBe(true);
  expect(read([...fields, "Subject: Gr\xfc\xdfe"]).message?.smtputf8).toBeUndefined();
  expect(read([...fields, "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="]).message?.smtputf8).toBeUndefined();
  expect(read([...fields, "", utf8("Grüße")]).message?.smtputf8).toBeUndefined();
});

describe("what is no message", () => {
  test.each<[string, string, string, RegExp]>([
    ["empty", "", "not-a-message", /it is empty/],
    ["a text", "Dear all,\n\nhello\n", "not-a-message", /begins with "Dear all,"/],
    ["a byte order mark", "\xef\xbb\xbfFrom: me@example.org\n", "not-a-message", /no header field/],
    ["octets", "\x89PNG\r\n\x1a\n\0\0", "not-a-message", /begins with "\u{89}PNG"/u],
  ])("%s", (_name, text, code, message) => {
    const { problem } = read(text, { from: "a@example.org", to: "b@example.net" });
    expect(problem?.code).toBe(code);
    expect(problem?.message.replace("%C2%89", "\u{89}")).toMatch(message);
    expect(problem?.message).not.toMatch(/\p{Cc}/u);
  });

  test("a header section without an end", () => {
    const first = Buffer.from(`From: me@example.org\nTo: a@example.net\nX: ${"x".repeat(1_000)}\n`);
    const { problem } = toMessage(
      { first, size: 5_000_000 },
      { origin: { path: "/in.eml" } },
      readOptions(["x"], {}),
    );
    expect(problem?.code).toBe("too-long");
  });
});
