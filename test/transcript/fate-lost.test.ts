import { createServer } from "node:net";
import { BoundedPeerMemory, SmtpSession } from "smtp-pipelining";
import { expect, test } from "vitest";
import { conversation, fate, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: The fate of a recipient whose connection is lost, or never stood.

test("the connection lost behind a text's end: unknown; the envelope behind it and the queue: retryable", async () => {
  const { fates, error, reason, log } = await conversation(
    [message(1), message(2), message(3)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    -- reset
    `,
  );
  expect(fates).toEqual([
    "b1 unknown ESMTP_CONNECTION_LOST",
    "b2 failed connection ESMTP_CONNECTION_LOST retryable",
    "b3 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
  expect([error, reason]).toEqual(["ESMTP_CONNECTION_LOST", "server"]);
  const last = log.of("groupEnd").at(-1)?.group;
  expect(last?.sent).toEqual([".", "RSET", "MAIL FROM:<a2@example.org>", "RCPT TO:<b2@example.net>", "DATA"]);
  expect(last?.codes).toEqual([undefined, undefined, undefined, undefined, undefined]);
  expect(last?.recipients).toEqual({
    accepted: [],
    succeeded: [],
    failed: ["b2@example.net"],
    unknown: ["b1@example.net"],
  });
});

test("the connection lost in an envelope: retryable, but a refusal already received stands", async () => {
  const { fates } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] }), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: RCPT TO:<d1@example.net>
    C: DATA
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    S> 2
    -- close
    `,
  );
  expect(fates).toEqual([
    "b1 failed rcpt 550",
    "c1 failed connection ESMTP_CONNECTION_LOST retryable",
    "d1 failed connection ESMTP_CONNECTION_LOST retryable",
    "b2 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
});

test("no connection: everything is retryable", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  await new Promise((resolve) => server.close(resolve));
  const session = new SmtpSession({ host: "127.0.0.1", port, peers: new BoundedPeerMemory() });
  const deliveries = await Promise.all([session.pipeline(message(1)), session.pipeline(message(2))]);
  expect(deliveries.flatMap(({ recipients }) => recipients.map(fate))).toEqual([
    "b1 failed connection ESMTP_CONNECT retryable",
    "b2 failed connection ESMTP_CONNECT retryable",
  ]);
});
