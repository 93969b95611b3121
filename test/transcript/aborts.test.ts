import { BoundedPeerMemory, SmtpSession } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, fate, HELLO, hello, message } from "../support/scripted-peer.ts";

// PROTOCOL: aborted while queued, or before DATA was written; aborted later.

/** The envelope and text of message 2, alone. */
const SECOND = `
    C: MAIL FROM:<a2@example.org>
    S: 250 ok
    C: RCPT TO:<b2@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued`;

const BLOCK = "x".repeat(65_534);

/** A text of which one block is on the wire before `go` is called. */
function halting(): { data: AsyncGenerator<string>; go: () => void } {
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  async function* blocks(): AsyncGenerator<string> {
    yield `${BLOCK}\r\n`;
    yield "the ";
    await gate;
    yield "end\r\n";
  }
  return { data: blocks(), go };
}

/** A session that would connect to nowhere, and must not. */
function unconnected(): SmtpSession {
  const connectSocket = () => {
    throw new Error("nobody is to connect");
  };
  return new SmtpSession({ connectSocket, peers: new BoundedPeerMemory() });
}

describe("the signal of a message", () => {
  test("while queued: nothing of it is sent", async () => {
    const controller = new AbortController();
    const { fates, deliveries } = await conversation(
      [message(1), message(2, { signal: controller.signal }), message(3)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      -- abort
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a3@example.org>
      C: RCPT TO:<b3@example.net>
      C: DATA
      S: 250 queued
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 3
      C: .
      S: 250 queued
      ${BYE}
      `,
      { actions: { abort: () => controller.abort(new Error("no more time")) } },
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      "b2 failed aborted ESMTP_ABORTED retryable",
      "b3 succeeded 250",
    ]);
    expect(deliveries[1]?.error?.cause).toMatchObject({ message: "no more time" });
  });

  test("before anybody connected: nobody connects", async () => {
    const session = unconnected();
    const delivery = await session.pipeline(message(1, { signal: AbortSignal.abort() }));
    expect(delivery.recipients.map(fate)).toEqual(["b1 failed aborted ESMTP_ABORTED retryable"]);
    expect(session.state).toBe("idle");
    await session.quit();
  });

  test("while connecting: the connection stands without it", async () => {
    const controller = new AbortController();
    const { fates } = await conversation(
      [message(1, { signal: controller.signal })],
      `
      S: 220 peer.example
      C: EHLO client.example
      -- abort
      S: 250 peer.example
      ${BYE}
      `,
      { actions: { abort: () => controller.abort() } },
    );
    expect(fates).toEqual(["b1 failed aborted ESMTP_ABORTED retryable"]);
  });

  test("between MAIL and its reply in lock-step: no RCPT, and RSET leads what follows", async () => {
    const controller = new AbortController();
    const { fates } = await conversation(
      [message(1, { signal: controller.signal }), message(2)],
      `
      ${hello()}
      C: MAIL FROM:<a1@example.org>
      -- abort
      S: 250 ok
      C: RSET
      S: 250 reset
      ${SECOND}
      ${BYE}
      `,
      { actions: { abort: () => controller.abort() } },
    );
    expect(fates).toEqual(["b1 failed aborted ESMTP_ABORTED retryable", "b2 succeeded 250"]);
  });

  test("between RCPT and its reply in lock-step: a refusal already received stands", async () => {
    const controller = new AbortController();
    const to = ["b1@example.net", "c1@example.net", "d1@example.net"];
    const { fates, log } = await conversation(
      [message(1, { to, signal: controller.signal }), message(2)],
      `
      ${hello()}
      C: MAIL FROM:<a1@example.org>
      S: 250 ok
      C: RCPT TO:<b1@example.net>
      S: 550 no such user
      C: RCPT TO:<c1@example.net>
      -- abort
      S: 250 ok
      C: RSET
      S: 250 reset
      ${SECOND}
      ${BYE}
      `,
      { actions: { abort: () => controller.abort() } },
    );
    expect(fates).toEqual([
      "b1 failed rcpt 550",
      "c1 failed aborted ESMTP_ABORTED retryable",
      "d1 failed aborted ESMTP_ABORTED retryable",
      "b2 succeeded 250",
    ]);
    expect(log.of("recipientAccepted").map(({ address }) => address)).toEqual(["b2@example.net"]);
  });

  test("in the envelope of requireAllRecipients: no DATA, and RSET leads the next group", async () => {
    const controller = new AbortController();
    const { fates } = await conversation(
      [message(1, { requireAllRecipients: true, signal: controller.signal }), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      -- abort
      S: 250 ok
      S: 250 ok
      C: RSET
      C+ MAIL FROM:<a2@example.org>
      C+ RCPT TO:<b2@example.net>
      C+ DATA
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 2
      C: .
      S: 250 queued
      ${BYE}
      `,
      { actions: { abort: () => controller.abort() } },
    );
    expect(fates).toEqual(["b1 failed aborted ESMTP_ABORTED retryable", "b2 succeeded 250"]);
  });

  test("once DATA is written: no effect", async () => {
    const controller = new AbortController();
    const { fates } = await conversation(
      [message(1, { signal: controller.signal })],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      -- abort
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 1
      C: .
      S: 250 queued
      ${BYE}
      `,
      { actions: { abort: () => controller.abort() } },
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test("in the text, or behind its end: no effect", async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const { data, go } = halting();
    const { fates } = await conversation(
      [message(1, { data, signal: first.signal }), message(2, { signal: second.signal })],
      `
      ${hello()}
      C: MAIL FROM:<a1@example.org>
      S: 250 ok
      C: RCPT TO:<b1@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: ${BLOCK}
      -- abort the first
      -- pause
      -- go on
      C: the end
      C: .
      S: 250 queued
      C: MAIL FROM:<a2@example.org>
      S: 250 ok
      C: RCPT TO:<b2@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 2
      C: .
      -- abort the second
      -- pause
      S: 250 queued
      ${BYE}
      `,
      {
        actions: {
          "abort the first": () => first.abort(),
          "go on": go,
          "abort the second": () => second.abort(),
        },
      },
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  });
});
