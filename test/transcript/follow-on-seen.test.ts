import { expect, test } from "vitest";
import { BYE, HELLO, message, ScriptedPeer } from "../support/scripted-peer.ts";

// What real servers did with a follow-on that their replies, or their silence, did not tell of in time.

const envelope = (n: number): string => `
    C: MAIL FROM:<a${n}@example.org>
    C: RCPT TO:<b${n}@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on`;

const alone = (n: number): string => `
    ${envelope(n)}
    C: Text ${n}
    C: .
    S: 250 queued`;

const FOLLOW_ON = `
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA`;

test("Net::Server::Mail stores the next envelope in the message, and answers rightly: it gets no follow-on", async () => {
  const peer = await ScriptedPeer.start();
  const script = `
    ${HELLO.replace("220 peer.example ESMTP", "220 peer.example ESMTP Net::Server::Mail (Perl) Service ready")}
    ${alone(1)}
    ${alone(2)}
    ${BYE}`;
  const first = await peer.conversation([message(1), message(2)], script);
  expect(first.fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  expect(first.warnings).toEqual(["ESMTP_FOLLOW_ON_STORED"]);
  const second = await peer.conversation([message(1), message(2)], script);
  expect(second.warnings).toEqual([]);
});

test("Haraka hangs up on 8 KB behind a dot: a large envelope does not follow until the server has proved itself", async () => {
  const readers = Array.from({ length: 200 }, (_, i) => `reader${i}@example.net`);
  const rcpts = readers.map((address) => `C: RCPT TO:<${address}>`).join("\n");
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [message(1), message(2, { to: readers })],
    `
    ${HELLO}
    ${alone(1)}
    C: MAIL FROM:<a2@example.org>
    ${rcpts}
    C: DATA
    S: 250 ok
    ${"S: 250 ok\n".repeat(readers.length)}
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}`,
  );
  expect(new Set(fates.map((fate) => fate.replace(/^\S+ /, "")))).toEqual(new Set(["succeeded 250"]));
});

test("a server that hangs up on its first follow-on gets none in the next session", async () => {
  const peer = await ScriptedPeer.start();
  const first = await peer.conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    ${envelope(1)}
    ${FOLLOW_ON}
    -- close`,
  );
  expect(first.fates).toEqual([
    "b1 unknown ESMTP_CONNECTION_LOST",
    "b2 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
  expect(first.warnings).toEqual(["ESMTP_FOLLOW_ON_LOST"]);

  const second = await peer.conversation(
    [message(2), message(3)],
    `
    ${HELLO}
    ${alone(2)}
    ${alone(3)}
    ${BYE}`,
  );
  expect(second.fates).toEqual(["b2 succeeded 250", "b3 succeeded 250"]);
});

test("a server that has proved itself and is lost later keeps its follow-ons", async () => {
  const peer = await ScriptedPeer.start();
  const proved = `
    ${HELLO}
    ${envelope(1)}
    ${FOLLOW_ON}
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C+ .
    C+ RSET
    C+ MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
    -- close`;
  const messages = [message(1), message(2), message(3)];
  const first = await peer.conversation(messages, proved);
  expect(first.fates.slice(0, 2)).toEqual(["b1 succeeded 250", "b2 unknown ESMTP_CONNECTION_LOST"]);
  expect(first.warnings).toEqual([]);
  const second = await peer.conversation(messages, proved);
  expect(second.fates.slice(0, 2)).toEqual(["b1 succeeded 250", "b2 unknown ESMTP_CONNECTION_LOST"]);
});

test("a RSET refused with another code than 503, then silence: retryable, and remembered", async () => {
  const peer = await ScriptedPeer.start();
  const first = await peer.conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    ${envelope(1)}
    ${FOLLOW_ON}
    S: 250 queued
    S: 500 unknown command
    -- client closes`,
    { session: { timeouts: { closing: 50 } } },
  );
  expect(first.fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_SERVER_CLOSING retryable"]);
  expect(first.warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);

  const second = await peer.conversation([message(2), message(3)], `${HELLO} ${alone(2)} ${alone(3)} ${BYE}`);
  expect(second.fates).toEqual(["b2 succeeded 250", "b3 succeeded 250"]);
});

test("a RSET swallowed alone shifts the replies: no refusal is booked on another recipient", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, error } = await peer.conversation(
    [message(1), message(2, { to: ["b2@example.net", "c2@example.net"] })],
    `
    ${HELLO}
    ${envelope(1)}
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ RCPT TO:<c2@example.net>
    C+ DATA
    S: 250 queued
    # RSET is swallowed
    S: 250 sender a2
    S: 250 recipient b2
    S: 550 no such user c2
    S: 354 go on
    -- client closes`,
  );
  expect(error).toBe("ESMTP_OUT_OF_STEP");
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed connection ESMTP_OUT_OF_STEP retryable",
    "c2 failed connection ESMTP_OUT_OF_STEP retryable",
  ]);
});

test("a refusal behind a text stands when the connection is lost", async () => {
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [message(1), message(2, { to: ["b2@example.net", "c2@example.net"] })],
    `
    ${HELLO}
    ${envelope(1)}
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ RCPT TO:<c2@example.net>
    C+ DATA
    S: 250 queued
    S: 250 reset
    S: 250 sender a2
    S: 550 no such user b2
    -- close`,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed rcpt 550",
    "c2 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
});
