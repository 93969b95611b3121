import type { SessionOptions } from "smtp-pipelining";
import { expect, test } from "vitest";
import { BYE, hello, message, ScriptedPeer } from "../support/scripted-peer.ts";

// PIPECONNECT: to a server that offered it to an earlier connection EHLO and the first envelope leave with the
// connection. What the fresh reply to EHLO says decides.

const OFFER = ["PIPELINING", "PIPECONNECT", "SIZE 1000"];

const EARLY = `
    C: EHLO client.example
    C+ MAIL FROM:<a1@example.org> SIZE=8
    C+ RCPT TO:<b1@example.net>
    C+ DATA`;

const ENVELOPE = `
    C: MAIL FROM:<a1@example.org> SIZE=8
    C+ RCPT TO:<b1@example.net>
    C+ DATA`;

const ANSWERED = `
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C+ .
    S: 250 taken`;

/** The greeting and the reply to an EHLO that has been said. */
function answers(...extensions: readonly string[]): string {
  return hello(...extensions).replace(/^ *C: .*\n/m, "");
}

/** A peer to which a session spoke before, at which it learnt what the server offers. */
async function known(offer: readonly string[] = OFFER, session: SessionOptions = {}): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.start();
  await peer.conversation([], `${hello(...offer)}${BYE}`, {
    session,
    run: ({ session: opened }) => opened.connect(),
  });
  return peer;
}

/** The peer is not spoken to early, this time. */
async function notEarly(
  peer: ScriptedPeer,
  offer: readonly string[] = OFFER,
  session: SessionOptions = {},
): Promise<void> {
  const { fates } = await peer.conversation([message(1)], `${hello(...offer)}${ENVELOPE}${ANSWERED}${BYE}`, {
    session,
  });
  expect(fates).toEqual(["b1 succeeded 250"]);
}

test("EHLO, MAIL, RCPT and DATA leave with the connection, in one write and before the greeting", async () => {
  const peer = await known();
  const { fates, log } = await peer.conversation(
    [message(1)],
    `${EARLY}${answers(...OFFER)}${ANSWERED}${BYE}`,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
  // One group, of what was sent together.
  const [first] = log.of("groupEnd");
  expect(first?.group.sent).toEqual([
    "",
    "EHLO client.example",
    "MAIL FROM:<a1@example.org> SIZE=8",
    "RCPT TO:<b1@example.net>",
    "DATA",
  ]);
});

test("nothing is known of a server that was not spoken to", async () => {
  await notEarly(await ScriptedPeer.start());
});

test("what the server offers is not known before it has said so to this connection", async () => {
  const peer = await known();
  const seen: number[] = [];
  const { fates } = await peer.conversation(
    [message(1)],
    `${EARLY}
    -- look
    ${answers(...OFFER)}${ANSWERED}
    -- look
    ${BYE}`,
    { actions: { look: ({ session }) => seen.push(session.capabilities.size) } },
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
  expect(seen).toEqual([0, 3]);
});

test("the messages behind the first follow it as ever", async () => {
  const peer = await known();
  const { fates } = await peer.conversation(
    [message(1), message(2)],
    `${EARLY}${answers(...OFFER)}
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org> SIZE=8
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 taken
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C+ .
    S: 250 taken${BYE}`,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("each recipient is asked for; those that are refused are refused", async () => {
  const peer = await known();
  const { fates } = await peer.conversation(
    [message(1, { to: ["b1@example.net", "b2@example.net"] })],
    `
    C: EHLO client.example
    C+ MAIL FROM:<a1@example.org> SIZE=8
    C+ RCPT TO:<b1@example.net>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    ${answers(...OFFER)}
    S: 250 ok
    S: 550 nobody
    S: 250 ok
    S: 354 go on
    C: Text 1
    C+ .
    S: 250 taken${BYE}`,
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "b2 succeeded 250"]);
});

test("where all recipients are required DATA waits for their replies", async () => {
  const peer = await known();
  const { fates } = await peer.conversation(
    [message(1, { requireAllRecipients: true })],
    `
    C: EHLO client.example
    C+ MAIL FROM:<a1@example.org> SIZE=8
    C+ RCPT TO:<b1@example.net>
    ${answers(...OFFER)}
    S: 250 ok
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 1
    C+ .
    S: 250 taken${BYE}`,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});

test("never BDAT: its text would be run as commands by a server that has changed", async () => {
  const offer = [...OFFER, "CHUNKING"];
  const session: SessionOptions = { chunking: "strict" };
  const peer = await known(offer, session);
  const { fates } = await peer.conversation(
    [message(1), message(2)],
    `${EARLY}${answers(...offer)}
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org> SIZE=8
    C+ RCPT TO:<b2@example.net>
    S: 250 taken
    S: 250 ok
    S: 250 ok
    S: 250 ok
    C: BDAT 8 LAST
    C+ Text 2
    C+ RSET
    S: 250 taken
    S: 250 ok${BYE}`,
    { session },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test.each<[string, readonly string[], SessionOptions]>([
  ["the server did not offer PIPECONNECT", ["PIPELINING", "SIZE 1000"], {}],
  ["it offered STARTTLS, and TLS is wanted where it is offered", [...OFFER, "STARTTLS"], { tls: "off" }],
])("not where %s", async (_, offer, first) => {
  const peer = await known(offer, first);
  // STARTTLS is not offered any more: so the handshake needs no TLS, and only what was learnt decides.
  await notEarly(peer);
});

test.each<[string, SessionOptions]>([
  ["groups stay within a message", { pipelining: "transaction" }],
  ["it was learnt for other peers", { peers: { get: () => undefined, set: () => undefined } }],
])("not where %s", async (_, session) => {
  await notEarly(await known(), OFFER, session);
});

test("with nothing to send only the greeting is waited for", async () => {
  const peer = await known();
  await peer.conversation([], `${hello(...OFFER)}${BYE}`, { run: ({ session }) => session.connect() });
});

test("a message that needs what the server did not offer waits for what it offers now", async () => {
  const peer = await known();
  const { fates } = await peer.conversation(
    [message(1, { data: "Grün\r\n" })],
    `${hello(...OFFER, "8BITMIME")}
    C: MAIL FROM:<a1@example.org> SIZE=7 BODY=8BITMIME
    C+ RCPT TO:<b1@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: GrÃ¼n
    C+ .
    S: 250 taken${BYE}`,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});

// ---- a server that has changed

test("one that takes the envelope no more in these words gets it again, and is not spoken to early again", async () => {
  const peer = await known();
  const offer = ["PIPELINING", "PIPECONNECT"];
  const { fates, warnings } = await peer.conversation(
    [message(1)],
    `${EARLY}${answers(...offer)}
    S: 555 SIZE?
    S: 503 MAIL first
    S: 503 RCPT first
    C: RSET
    C+ MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ DATA
    S: 250 ok${ANSWERED}${BYE}`,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
  expect(warnings).toEqual([]);
  await notEarly(peer);
});

test("what it accepted in other words is taken back", async () => {
  const peer = await known();
  const { fates, log } = await peer.conversation(
    [message(1)],
    `${EARLY}${answers("PIPELINING", "PIPECONNECT")}
    S: 250 ok
    S: 250 ok
    S: 451 later
    C: RSET
    C+ MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ DATA
    S: 250 ok${ANSWERED}${BYE}`,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
  expect(log.of("recipientAccepted")).toHaveLength(1);
});

test("one that asks for the text gets nothing: not even a dot, which would be a message", async () => {
  const peer = await known();
  const { fates, error } = await peer.conversation(
    [message(1), message(2)],
    `${EARLY}${answers("PIPELINING")}
    S: 250 ok
    S: 250 ok
    S: 354 go on
    -- client closes`,
  );
  expect(fates).toEqual([
    "b1 failed connection ESMTP_EARLY_MISMATCH retryable",
    "b2 failed connection ESMTP_EARLY_MISMATCH retryable",
  ]);
  expect(error).toBe("ESMTP_EARLY_MISMATCH");
  await notEarly(peer);
});

test("one that knows EHLO no more gets HELO, once all is answered", async () => {
  const peer = await known();
  const { fates } = await peer.conversation(
    [message(1)],
    `${EARLY}
    S: 220 peer.example
    S: 500 what?
    S: 503 HELO first
    S: 503 HELO first
    S: 503 HELO first
    C: HELO client.example
    S: 250 peer.example
    C: RSET
    S: 250 ok
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 1
    C+ .
    S: 250 taken${BYE}`,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
  await notEarly(peer);
});

test.each<[string, string, string]>([
  [
    "refuses to talk, as to a client that talks too soon",
    "S: 554 you talk too soon",
    "b1 failed connection 554 ESMTP_GREETING_REFUSED retryable",
  ],
  ["hangs up", "-- close", "b1 failed connection ESMTP_CONNECTION_LOST retryable"],
  [
    "hangs up behind the greeting",
    "S: 220 peer.example\n-- reset",
    "b1 failed connection ESMTP_CONNECTION_LOST retryable",
  ],
  ["speaks of something else", "S: 250 hello\nS: 334 x", "b1 failed connection ESMTP_OUT_OF_STEP retryable"],
])("one that %s is not spoken to early again", async (_, script, fate) => {
  const peer = await known();
  const { fates } = await peer.conversation([message(1)], `${EARLY}\n${script}\n-- client closes`);
  expect(fates.map((each) => each.replace(" 554", ""))).toEqual([fate.replace(" 554", "")]);
  await notEarly(peer);
});

test("one that does not answer is not spoken to early again", async () => {
  const peer = await known();
  const { fates } = await peer.conversation([message(1)], `${EARLY}\n-- client closes`, {
    session: { timeouts: { greeting: 20 } },
  });
  expect(fates).toEqual(["b1 failed connection ESMTP_TIMEOUT retryable"]);
  await notEarly(peer);
});

test("a connection that is lost behind the reply to EHLO says nothing against it", async () => {
  const peer = await known();
  const { fates } = await peer.conversation(
    [message(1)],
    `${EARLY}${answers(...OFFER)}
    S: 250 ok
    -- close
    -- client closes`,
  );
  expect(fates).toEqual(["b1 failed connection ESMTP_CONNECTION_LOST retryable"]);
  await peer.conversation([message(1)], `${EARLY}${answers(...OFFER)}${ANSWERED}${BYE}`);
});
