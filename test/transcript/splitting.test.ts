import { Readable } from "node:stream";
import type { Message } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import {
  BYE,
  type ConversationOptions,
  conversation,
  HELLO,
  hello,
  message,
  type Outcome,
} from "../support/scripted-peer.ts";

function to(...names: readonly string[]): string[] {
  return names.map((name) => `${name}@example.net`);
}

const FOUR = message(1, { to: to("b1", "b2", "b3", "b4") });

/** A transaction that goes well, and the octet that ends it answered with this. */
function part(names: readonly string[], answer = "250 stored", reset = false): string {
  return `
    ${reset ? "C: RSET" : ""}
    C: MAIL FROM:<a1@example.org>
    ${names.map((name) => `C: RCPT TO:<${name}@example.net>`).join("\n")}
    C: DATA
    ${reset ? "S: 250 reset" : ""}
    S: 250 ok
    ${names.map(() => "S: 250 ok").join("\n")}
    S: 354 go
    C: Text 1
    C: .
    S: ${answer}`;
}

async function held(
  messages: readonly Message[],
  script: string,
  options: ConversationOptions = {},
): Promise<Outcome> {
  const outcome = await conversation(messages, script, options);
  expect(outcome.deliveries).toHaveLength(messages.length);
  expect(outcome.log.of("messageStart").length).toBeLessThanOrEqual(messages.length);
  return outcome;
}

describe("LIMITS (RFC 9422)", () => {
  test("RCPTMAX: the recipients go in as many transactions as it takes, with one delivery", async () => {
    const { fates, deliveries, log } = await held(
      [FOUR],
      `${hello("PIPELINING", "LIMITS RCPTMAX=3")}
      ${part(["b1", "b2", "b3"], "250 first")}
      ${part(["b4"], "250 second")}
      ${BYE}`,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250", "b4 succeeded 250"]);
    expect(deliveries[0]?.succeeded.map(({ reply }) => reply.text)).toEqual([
      "first",
      "first",
      "first",
      "second",
    ]);
    expect(deliveries[0]).toMatchObject({ ok: true, reply: { text: "second" } });
    expect(log.of("messageEnd")).toMatchObject([{ accepted: 4, bytes: 22 }]);
    // The text of each transaction is told with its own octets.
    expect(
      log
        .of("sent")
        .filter(({ line }) => line === ".")
        .map(({ bytes }) => bytes),
    ).toEqual([11, 11]);
  });

  test("RCPTDOMAINMAX: those of one domain go together", async () => {
    const script = `${hello("LIMITS RCPTDOMAINMAX=2 X=1", "PIPELINING")}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@one.example>
      C: RCPT TO:<b2@TWO.example>
      C: RCPT TO:<b4@two.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      S: 250 stored
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b3@three.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      S: 250 stored
      ${BYE}`;
    const addresses = ["b1@one.example", "b2@TWO.example", "b3@three.example", "b4@two.example"];
    const { deliveries } = await held([message(1, { to: addresses })], script);
    expect(deliveries[0]?.succeeded.map(({ address }) => address)).toEqual(addresses);
  });

  test("a part is refused by itself: the next is tried", async () => {
    const { fates } = await held(
      [message(1, { to: to("b1", "b2", "b3") })],
      `${hello("PIPELINING", "LIMITS RCPTMAX=1")}
      ${part(["b1"], "554 spam")}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 ok
      S: 550 no
      S: 503 nobody
      ${part(["b3"], "250 stored", true)}
      ${BYE}`,
    );
    expect(fates).toEqual(["b1 failed message 554", "b2 failed rcpt 550", "b3 succeeded 250"]);
  });

  test("a cut between the parts leaves each part its own fate", async () => {
    const names = ["b1", "b2", "b3", "b4"];
    const three = message(1, { to: to(...names) });
    const begin = hello("PIPELINING", "LIMITS RCPTMAX=1");
    const before = await held(
      [three],
      `${begin}\n${part(["b1"])}\n${part(["b2"]).replace(/S: 250 ok[\s\S]*$/, "-- close")}`,
    );
    expect(before.fates).toEqual([
      "b1 succeeded 250",
      ...names.slice(1).map((name) => `${name} failed connection ESMTP_CONNECTION_LOST retryable`),
    ]);
    const behind = await held(
      [three],
      `${begin}\n${part(["b1"])}\n${part(["b2"]).replace("S: 250 stored", "-- close")}`,
    );
    expect(behind.fates).toEqual([
      "b1 succeeded 250",
      "b2 unknown ESMTP_CONNECTION_LOST",
      "b3 failed connection ESMTP_CONNECTION_LOST retryable",
      "b4 failed connection ESMTP_CONNECTION_LOST retryable",
    ]);
  });

  test("MAILMAX: what is over it fails, to be sent again in another session", async () => {
    const { fates, error, reason } = await held(
      [message(1), message(2), message(3)],
      `${hello("PIPELINING", "LIMITS MAILMAX=2")}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 stored
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 2
      C: .
      S: 250 stored
      C: QUIT
      S: 221 bye
      -- client closes`,
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      "b2 succeeded 250",
      "b3 failed connection ESMTP_MAIL_LIMIT retryable",
    ]);
    expect(error).toBe("ESMTP_MAIL_LIMIT");
    expect(reason).toBe("server");
  });

  test.each(["LIMITS", "LIMITS RCPTMAX=0 MAILMAX=", "LIMITS RCPTMAX=x MAILMAX=-1", "LIMITS rcptmax"])(
    "what is not as it should be is ignored: %s",
    async (limits) => {
      const { fates } = await held(
        [FOUR],
        `${hello("PIPELINING", limits)}\n${part(["b1", "b2", "b3", "b4"])}\n${BYE}`,
      );
      expect(fates).toHaveLength(4);
    },
  );
});

/** RCPT answered one by one; then the text. */
function answered(replies: readonly string[], names = ["b1", "b2", "b3", "b4"]): string {
  return `
    C: MAIL FROM:<a1@example.org>
    ${names.map((name) => `C: RCPT TO:<${name}@example.net>`).join("\n")}
    C: DATA
    S: 250 ok
    ${replies.map((reply) => `S: ${reply}`).join("\n")}
    S: 354 go
    C: Text 1
    C: .
    S: 250 stored`;
}

describe("too many recipients (RFC 5321 §4.5.3.1.10)", () => {
  test.each(["452 4.5.3 too many", "452 enough", "552 too many", "552 5.5.3 too many"])(
    "a tail answered %s goes on in further transactions, no more at once than went before",
    async (reply) => {
      const { fates, log } = await held(
        [message(1, { to: to("b1", "b2", "b3", "b4", "b5") })],
        `${HELLO}
        ${answered(["250 ok", "250 ok", reply, reply, reply], ["b1", "b2", "b3", "b4", "b5"])}
        ${part(["b3", "b4"])}
        ${part(["b5"])}
        ${BYE}`,
      );
      expect(fates).toEqual(["b1", "b2", "b3", "b4", "b5"].map((name) => `${name} succeeded 250`));
      expect(log.of("recipientFailed")).toEqual([]);
    },
  );

  const stands: [what: string, replies: string[], fates: string[]][] = [
    [
      "where nobody was accepted before",
      ["452 full", "250 ok", "250 ok", "250 ok"],
      ["b1 failed rcpt 452 retryable", "b2 succeeded 250", "b3 succeeded 250", "b4 succeeded 250"],
    ],
    [
      "where there was room for a later one",
      ["250 ok", "452 busy", "452 busy", "250 ok"],
      [
        "b1 succeeded 250",
        "b2 failed rcpt 452 retryable",
        "b3 failed rcpt 452 retryable",
        "b4 succeeded 250",
      ],
    ],
    [
      "where it says something else of the mailbox",
      ["250 ok", "250 ok", "452 4.2.2 over quota", "552 5.2.2 over quota"],
      ["b1 succeeded 250", "b2 succeeded 250", "b3 failed rcpt 452 retryable", "b4 failed rcpt 552"],
    ],
  ];
  test.each(stands)("is a refusal like any other %s", async (_, replies, expected) => {
    const { fates } = await held([FOUR], `${HELLO}\n${answered(replies)}\n${BYE}`);
    expect(fates).toEqual(expected);
  });

  test("is a refusal where the text can't be had again", async () => {
    const stream = { ...FOUR, data: Readable.from(["Text 1\r\n"]) };
    const { fates } = await held(
      [stream],
      `${HELLO}\n${answered(["250 ok", "250 ok", "452 4.5.3 enough", "452 4.5.3 enough"])}\n${BYE}`,
    );
    expect(fates.slice(2)).toEqual(["b3 failed rcpt 452 retryable", "b4 failed rcpt 452 retryable"]);
  });

  test("with `requireAllRecipients` is a refusal, and nothing is sent to anybody", async () => {
    const { fates } = await held(
      [{ ...FOUR, requireAllRecipients: true }],
      `${hello("PIPELINING", "LIMITS RCPTMAX=2")}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<b2@example.net>
      C: RCPT TO:<b3@example.net>
      C: RCPT TO:<b4@example.net>
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 452 4.5.3 enough
      S: 452 4.5.3 enough
      ${BYE}`,
    );
    const not = "failed aborted ESMTP_NOT_ALL_ACCEPTED retryable";
    expect(fates).toEqual([
      `b1 ${not}`,
      `b2 ${not}`,
      "b3 failed rcpt 452 retryable",
      "b4 failed rcpt 452 retryable",
    ]);
  });

  test("a function is called again for each part", async () => {
    let calls = 0;
    const data = (): string => `Text ${++calls}\r\n`;
    const second = part(["b3", "b4"]).replace("Text 1", "Text 2");
    const { fates } = await held(
      [{ ...FOUR, data }],
      `${HELLO}\n${answered(["250 ok", "250 ok", "452 4.5.3 enough", "452 4.5.3 enough"])}\n${second}\n${BYE}`,
    );
    expect(fates).toEqual(["b1", "b2", "b3", "b4"].map((name) => `${name} succeeded 250`));
    expect(calls).toBe(2);
  });

  test("a function that fails the second time costs only those that are left", async () => {
    let calls = 0;
    const data = (): string => {
      if (++calls > 1) throw new Error("gone");
      return "Text 1\r\n";
    };
    const { fates } = await held(
      [{ ...FOUR, data }],
      `${HELLO}\n${answered(["250 ok", "250 ok", "452 4.5.3 enough", "452 4.5.3 enough"])}\n${BYE}`,
    );
    const failed = "failed message ESMTP_SOURCE_FAILED";
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", `b3 ${failed}`, `b4 ${failed}`]);
  });

  test("a connection lost before the text leaves the refusals that came", async () => {
    const { fates } = await held(
      [FOUR],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<b2@example.net>
      C: RCPT TO:<b3@example.net>
      C: RCPT TO:<b4@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 452 4.5.3 enough
      -- close`,
    );
    const lost = "failed connection ESMTP_CONNECTION_LOST retryable";
    expect(fates).toEqual([`b1 ${lost}`, "b2 failed rcpt 452 retryable", `b3 ${lost}`, `b4 ${lost}`]);
  });

  test("an abort while a part is on its way spares those that are left", async () => {
    const abort = new AbortController();
    const { fates } = await held(
      [{ ...FOUR, signal: abort.signal }],
      `${hello("PIPELINING", "LIMITS RCPTMAX=2")}
      ${part(["b1", "b2"]).replace("S: 250 stored", "-- abort\nS: 250 stored")}
      ${BYE}`,
      { actions: { abort: () => abort.abort() } },
    );
    const aborted = "failed aborted ESMTP_ABORTED retryable";
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", `b3 ${aborted}`, `b4 ${aborted}`]);
  });

  test("the next message may stand behind a part: what is left comes after it", async () => {
    const { fates } = await held(
      [message(1, { to: to("b1", "b3") }), message(2)],
      `${hello("PIPELINING", "LIMITS RCPTMAX=1")}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 stored
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 2
      C: .
      C: RSET
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b3@example.net>
      C: DATA
      S: 250 stored
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      S: 250 stored
      ${BYE}`,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b3 succeeded 250", "b2 succeeded 250"]);
  });
});
