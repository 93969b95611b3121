import type { Message } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, hello, message } from "../support/scripted-peer.ts";

// RFC 6531: addresses and headers beyond ASCII. A script has one character per octet.

const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

const OFFERED = hello("PIPELINING", "8BITMIME", "SMTPUTF8");

/** A group of MAIL, RCPT, DATA with these lines, the text, and the end. */
function sent(mail: string, rcpt: readonly string[], text = "Text 1"): string {
  return octets(`
    C: ${mail}
    ${rcpt.map((line) => `C: ${line}`).join("\n")}
    C: DATA
    ${"S: 250 ok\n".repeat(rcpt.length + 1)}
    S: 354 go
    C: ${text}
    C: .
    S: 250 queued
    ${BYE}`);
}

describe("where the server offers SMTPUTF8", () => {
  const cases: readonly [string, Partial<Message>, string, readonly string[]][] = [
    [
      "a sender beyond ASCII",
      { from: "grüße@example.org" },
      "MAIL FROM:<grüße@example.org> SMTPUTF8",
      ["RCPT TO:<b1@example.net>"],
    ],
    [
      "a recipient beyond ASCII among others",
      { to: ["b1@example.net", "日本@例え.example"] },
      "MAIL FROM:<a1@example.org> SMTPUTF8",
      ["RCPT TO:<b1@example.net>", "RCPT TO:<日本@例え.example>"],
    ],
    [
      "a domain beyond ASCII stays as it is",
      { from: "a1@bücher.example", to: "📬@bücher.example" },
      "MAIL FROM:<a1@bücher.example> SMTPUTF8",
      ["RCPT TO:<📬@bücher.example>"],
    ],
    [
      "headers that need it",
      { smtputf8: true },
      "MAIL FROM:<a1@example.org> SMTPUTF8",
      ["RCPT TO:<b1@example.net>"],
    ],
    [
      "nothing that needs it",
      { smtputf8: false },
      "MAIL FROM:<a1@example.org>",
      ["RCPT TO:<b1@example.net>"],
    ],
    [
      "only a recipient that is unfit to be sent",
      { to: ["b1@example.net", "ü ü@example.net"] },
      "MAIL FROM:<a1@example.org>",
      ["RCPT TO:<b1@example.net>"],
    ],
  ];
  test.each(cases)("%s", async (_, more, mail, rcpt) => {
    const { fates } = await conversation([message(1, more)], `${OFFERED}${sent(mail, rcpt)}`);
    expect(fates.filter((each) => each.endsWith("succeeded 250"))).toHaveLength(rcpt.length);
  });

  test("together with 8-bit text", async () => {
    const { fates } = await conversation(
      [message(1, { smtputf8: true, data: "Subject: Grüße\r\n" })],
      `${OFFERED}${sent("MAIL FROM:<a1@example.org> BODY=8BITMIME SMTPUTF8", ["RCPT TO:<b1@example.net>"], "Subject: Grüße")}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test("events and results have the address as it was given, and count octets", async () => {
    const { log, deliveries } = await conversation(
      [message(1, { from: "ü@example.org", to: "日本@example.net" })],
      `${OFFERED}${sent("MAIL FROM:<ü@example.org> SMTPUTF8", ["RCPT TO:<日本@example.net>"])}`,
    );
    const lines = log.of("sent").filter(({ command }) => command === "MAIL" || command === "RCPT");
    expect(lines.map(({ line, bytes, recipient }) => [line, bytes, recipient])).toEqual([
      ["MAIL FROM:<ü@example.org> SMTPUTF8", 37, undefined], // 34 characters, one of two octets, CRLF
      ["RCPT TO:<日本@example.net>", 30, "日本@example.net"], // 24 characters, two of three octets, CRLF
    ]);
    const group = log.of("groupEnd").find(({ group: each }) => each.sent[0]?.startsWith("MAIL"))?.group;
    expect(group?.bytesSent).toBe(37 + 30 + "DATA\r\n".length);
    expect(group?.recipients.accepted).toEqual(["日本@example.net"]);
    expect(deliveries[0]?.from).toBe("ü@example.org");
    expect(deliveries[0]?.succeeded[0]?.address).toBe("日本@example.net");
  });
});

describe.each([
  ["where it does not", hello("PIPELINING", "8BITMIME")],
  ["where it offers it without 8BITMIME (RFC 6531 §3.1)", hello("PIPELINING", "SMTPUTF8")],
])("%s", (_, greeting) => {
  test("a domain goes in A-labels; events and results have it as it was given", async () => {
    const { log, deliveries, warnings } = await conversation(
      [message(1, { from: "a1@bücher.example", to: ["b1@example.net", "c1@日本.example"] })],
      `${greeting}${sent("MAIL FROM:<a1@xn--bcher-kva.example>", [
        "RCPT TO:<b1@example.net>",
        "RCPT TO:<c1@xn--wgv71a.example>",
      ])}`,
    );
    expect(deliveries[0]?.from).toBe("a1@bücher.example");
    expect(deliveries[0]?.recipients.map(({ address, status }) => `${address} ${status}`)).toEqual([
      "b1@example.net succeeded",
      "c1@日本.example succeeded",
    ]);
    expect(log.of("recipientAccepted").map(({ address }) => address)).toEqual([
      "b1@example.net",
      "c1@日本.example",
    ]);
    const rcpt = log.of("sent").filter(({ command }) => command === "RCPT")[1];
    expect(rcpt).toMatchObject({
      line: "RCPT TO:<c1@xn--wgv71a.example>",
      bytes: 33,
      recipient: "c1@日本.example",
    });
    expect(warnings).toEqual([]);
  });

  test("a recipient whose local part is beyond ASCII costs itself", async () => {
    const { fates, deliveries } = await conversation(
      [message(1, { to: ["grüße@example.net", "b1@example.net", "c@１２７.0.0.1"] })],
      `${greeting}${sent("MAIL FROM:<a1@example.org>", ["RCPT TO:<b1@example.net>"])}`,
    );
    expect(fates).toEqual([
      "grüße failed unsupported ESMTP_UNSUPPORTED",
      "b1 succeeded 250",
      "c@１２７.0.0.1 failed unsupported ESMTP_UNSUPPORTED",
    ]);
    expect(deliveries[0]?.failed[0]?.error?.message).toContain("SMTPUTF8");
  });

  const all: readonly [string, Partial<Message>][] = [
    ["a sender whose local part is beyond ASCII", { from: "grüße@example.org" }],
    ["headers that need SMTPUTF8", { smtputf8: true }],
    [
      "a recipient that can't be told, where all are required",
      { to: ["b1@example.net", "ü@example.net"], requireAllRecipients: true },
    ],
  ];
  test.each(all)("%s cost the message: nothing of it is sent", async (_case, more) => {
    const { deliveries } = await conversation([message(1, more)], `${greeting}${BYE}`);
    expect(deliveries[0]?.ok).toBe(false);
    expect(deliveries[0]?.recipients.some(({ stage }) => stage === "unsupported")).toBe(true);
    expect(deliveries[0]?.succeeded).toEqual([]);
  });
});

test("an unproven follow-on counts the octets of its addresses, not their characters", async () => {
  // 45 RCPT of 51 characters are below 4,096; in octets, 28 of each counting three, they are not.
  const to = Array.from(
    { length: 45 },
    (_, i) => `${"日".repeat(18)}@${"本".repeat(10)}${String(i).padStart(2, "0")}.example`,
  );
  const { fates } = await conversation(
    [message(1), message(2, { to })],
    octets(`${OFFERED}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 1
    C: .
    S: 250 queued
    C: MAIL FROM:<a2@example.org> SMTPUTF8
    ${to.map((address) => `C: RCPT TO:<${address}>`).join("\n")}
    C: DATA
    ${"S: 250 ok\n".repeat(46)}
    S: 354 go
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}`),
  );
  expect(fates).toHaveLength(46);
});
