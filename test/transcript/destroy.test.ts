import type { SmtpSession } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: destroy() is as a lost connection, stage aborted (or unknown). The signal of a session does the same.

/** A line that fills what is written at a time: what a source has given by then is on the wire. */
const BLOCK = "x".repeat(65_534);

/** Gives a block, then something that waits for company, and never comes to its end. */
async function* stuck(): AsyncGenerator<string> {
  yield `${BLOCK}\r\n`;
  yield "and more";
  await new Promise(() => undefined);
}

const FIRST = `
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on`;

describe.each([
  ["the session's signal", "ESMTP_ABORTED"],
  ["destroy()", "ESMTP_DESTROYED"],
  ["destroy(error)", "ESMTP_DESTROYED"],
])("%s", (how, code) => {
  const cut = (controller: AbortController) => ({
    session: { signal: controller.signal },
    actions: {
      cut: ({ session }: { session: SmtpSession }) => {
        if (how === "destroy()") session.destroy();
        else if (how === "destroy(error)") session.destroy(new Error("enough"));
        else controller.abort();
      },
    },
  });
  // A destroy() without a reason is no failure.
  const told = how === "destroy()" ? undefined : code;

  test("while connecting, and in an envelope: failed, aborted", async () => {
    const connecting = await conversation(
      [message(1)],
      `
      S: 220 peer.example
      C: EHLO client.example
      -- cut
      `,
      cut(new AbortController()),
    );
    expect(connecting.fates).toEqual([`b1 failed aborted ${code} retryable`]);
    expect([connecting.error, connecting.reason]).toEqual([told, "aborted"]);

    const envelope = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: DATA
      S: 250 ok
      S: 550 no such user
      -- pause
      -- cut
      `,
      cut(new AbortController()),
    );
    expect(envelope.fates).toEqual([
      "b1 failed rcpt 550",
      `c1 failed aborted ${code} retryable`,
      `b2 failed aborted ${code} retryable`,
    ]);
    expect([envelope.error, envelope.reason]).toEqual([told, "aborted"]);
  });

  test("in the text: failed, aborted, and its end is never sent", async () => {
    const { fates, reason } = await conversation(
      [message(1, { data: stuck() }), message(2)],
      `
      ${HELLO}
      ${FIRST}
      C: ${BLOCK}
      -- cut
      `,
      cut(new AbortController()),
    );
    expect(fates).toEqual([`b1 failed aborted ${code} retryable`, `b2 failed aborted ${code} retryable`]);
    expect(reason).toBe("aborted");
  });

  test("behind the end of the text: unknown; the envelope behind it: failed, aborted", async () => {
    const { fates, deliveries, reason } = await conversation(
      [message(1), message(2), message(3)],
      `
      ${HELLO}
      ${FIRST}
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      -- cut
      `,
      cut(new AbortController()),
    );
    expect(fates).toEqual([
      `b1 unknown ${code}`,
      `b2 failed aborted ${code} retryable`,
      `b3 failed aborted ${code} retryable`,
    ]);
    expect(reason).toBe("aborted");
    if (how === "destroy(error)") expect(deliveries[0]?.error?.cause).toMatchObject({ message: "enough" });
  });
});
