import { describe, expect, test } from "vitest";
import { chunking } from "../support/chunking-option.ts";
import {
  ACCEPTED,
  burst,
  envelope,
  HELLO_CHUNKING,
  last,
  PROBE,
  PROBED,
  QUEUED,
  READY_FOR_BURSTS,
  TAKEN,
} from "../support/chunking-wire.ts";
import { BYE, type Caller, conversation, hello, message, ScriptedPeer } from "../support/scripted-peer.ts";

// PROTOCOL: Before the first burst.

const AUTO = { session: chunking("auto") };
const THREE = [message(1), message(2), message(3)];
const ALL = ["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"];

const lost = (...numbers: readonly number[]): unknown[] =>
  numbers.map((n) => expect.stringMatching(new RegExp(`^b${n} failed connection .*retryable$`)));

/** Message 1 with DATA, its envelope having been accepted, and two more behind their dots. */
const WITH_DATA = `
    C: DATA
    S: 354 go on
    C: Text 1
    C: .
    C: RSET
    ${envelope(2)}
    C: DATA
    ${QUEUED}
    ${ACCEPTED}
    S: 354 go on
    C: Text 2
    C: .
    C: RSET
    ${envelope(3)}
    C: DATA
    ${QUEUED}
    ${ACCEPTED}
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    ${BYE}`;

test("the probe with the first envelope behind it, the first text alone, then the others in one group", async () => {
  const { fates, warnings, log } = await conversation(
    THREE,
    `
    ${HELLO_CHUNKING}
    C: RSET
    C: MAIL FROM:<a1@example.org>
    C: BDAT 6 LAST
    C: XPRB
    C: RSET
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    S: 250 reset
    S: 250 ok
    S: 503 no recipients
    S: 250 reset
    S: 250 ok
    S: 250 ok
    C: BDAT 8 LAST
    C: Text 1
    C: RSET
    S: 250 queued
    S: 250 reset
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: BDAT 8 LAST
    C: Text 2
    C: RSET
    C: MAIL FROM:<a3@example.org>
    C: RCPT TO:<b3@example.net>
    C: BDAT 8 LAST
    C: Text 3
    C: RSET
    S: 250 ok
    S: 250 ok
    S: 250 queued as 2
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 250 queued as 3
    S: 250 reset
    ${BYE}`,
    AUTO,
  );
  expect(fates).toEqual(ALL);
  expect(warnings).toEqual([]);
  expect(log.of("messageStart").map(({ messageId }) => messageId)).toEqual(["m1", "m2", "m3"]);
});

test("the probe is a group of its own, and nobody's", async () => {
  const { log } = await conversation(
    THREE,
    `${READY_FOR_BURSTS} ${burst(2)} ${burst(3)} ${TAKEN} ${TAKEN} ${BYE}`,
    AUTO,
  );
  const groups = log.of("groupEnd").map(({ group }) => group);
  const probe = groups.find(({ sent }) => sent.includes("BDAT 6 LAST"));
  expect(probe?.sent).toEqual(["RSET", "MAIL FROM:<a1@example.org>", "BDAT 6 LAST", "RSET"]);
  expect(probe?.codes).toEqual([250, 250, 503, 250]);
  expect(probe?.recipients).toEqual({ accepted: [], succeeded: [], failed: [], unknown: [] });
});

test("its octets are seen by nobody: what is sent is lines of commands", async () => {
  const { log } = await conversation(
    THREE,
    `${READY_FOR_BURSTS} ${burst(2)} ${burst(3)} ${TAKEN} ${TAKEN} ${BYE}`,
    AUTO,
  );
  const lines = log.of("sent").map(({ line }) => line);
  expect(lines.filter((line) => /XPRB|Text/.test(line))).toEqual([]);
  expect(lines.filter((line) => line === "BDAT 8 LAST").length).toBe(3);
});

test.each([
  ["the null reverse-path", "", ["CHUNKING"], "MAIL FROM:<>"],
  ["a sender beyond ASCII", "\u00e4@example.org", ["CHUNKING", "SMTPUTF8", "8BITMIME"], undefined],
])("the probe has %s of the first message", async (_, from, extensions, line) => {
  // The script's lines have one character per octet.
  const mail = line ?? "MAIL FROM:<\u00c3\u00a4@example.org> SMTPUTF8";
  const { fates } = await conversation(
    [message(1, { from }), message(2), message(3)],
    `
    ${hello("PIPELINING", ...extensions)}
    C: RSET
    C: ${mail}
    C: BDAT 6 LAST
    C: XPRB
    C: RSET
    C: ${mail}
    C: RCPT TO:<b1@example.net>
    ${PROBED}
    ${last(1)}
    ${QUEUED}
    ${burst(2)}
    ${burst(3)}
    ${TAKEN}
    ${TAKEN}
    ${BYE}`,
    AUTO,
  );
  expect(fates).toEqual(ALL);
});

test("once per connection: what comes later goes in bursts at once", async () => {
  const send = ({ send }: Caller, ...numbers: readonly number[]): Promise<unknown> =>
    Promise.all(numbers.map((n) => send(message(n))));
  const { fates } = await conversation(
    [],
    `
    ${READY_FOR_BURSTS}
    ${burst(2)}
    ${burst(3)}
    ${TAKEN}
    ${TAKEN}
    ${burst(4)}
    ${burst(5)}
    ${burst(6)}
    ${TAKEN}
    ${TAKEN}
    ${TAKEN}
    ${BYE}`,
    {
      ...AUTO,
      run: async (caller) => {
        await send(caller, 1, 2, 3);
        await send(caller, 4, 5, 6);
      },
    },
  );
  expect(fates).toEqual([1, 2, 3, 4, 5, 6].map((n) => `b${n} succeeded 250`));
});

describe("a transaction that may be open at the server: RSET is answered before the probe", () => {
  const OPEN = `
    ${HELLO_CHUNKING}
    C: MAIL FROM:<a9@example.org>
    C: RCPT TO:<b9@example.net>
    C: RCPT TO:<c9@example.net>
    S: 250 ok
    S: 250 ok
    S: 550 no such user
    C: RSET`;
  const all = { to: ["b9@example.net", "c9@example.net"], requireAllRecipients: true };
  const run = async ({ send }: Caller): Promise<void> => {
    await send(message(9, all));
    await Promise.all(THREE.map((each) => send(each)));
  };
  const NOT_ALL = ["b9 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable", "c9 failed rcpt 550"];

  test("it is accepted", async () => {
    const probed = `${PROBE} ${PROBED} ${last(1)} ${QUEUED} ${burst(2)} ${burst(3)} ${TAKEN} ${TAKEN}`;
    const { fates } = await conversation([], `${OPEN}\nS: 250 reset ${probed} ${BYE}`, { ...AUTO, run });
    expect(fates).toEqual([...NOT_ALL, ...ALL]);
  });

  test("it is refused: the text of the probe would be that transaction's", async () => {
    const { fates } = await conversation([], `${OPEN}\nS: 550 no\n-- close`, { ...AUTO, run });
    expect(fates).toEqual([...NOT_ALL, ...lost(1, 2, 3)]);
  });
});

test("a peer that has proved itself gets no probe from the next session", async () => {
  const peer = await ScriptedPeer.start();
  const rest = `${burst(2)} ${burst(3)} ${TAKEN} ${TAKEN} ${BYE}`;
  await peer.conversation(THREE, `${READY_FOR_BURSTS} ${rest}`, AUTO);
  const { log, fates } = await peer.conversation(
    [message(4), message(5), message(6)],
    `
    ${HELLO_CHUNKING}
    C: RSET
    ${burst(4)}
    ${burst(5)}
    ${burst(6)}
    S: 250 reset
    ${TAKEN}
    ${TAKEN}
    ${TAKEN}
    ${BYE}`,
    AUTO,
  );
  expect(fates).toEqual([4, 5, 6].map((n) => `b${n} succeeded 250`));
  expect(log.of("sent").filter(({ line }) => line === "BDAT 6 LAST")).toEqual([]);
});

describe("inconclusive: the peer gets DATA, and no BDAT in any form", () => {
  test.each([
    ["its MAIL is refused for now", "450 later", "503 no sender"],
    ["its MAIL is refused for good", "550 not you", "503 no sender"],
    ["its text is refused for now", "250 ok", "451 later"],
    ["its text is taken for nobody", "250 ok", "250 queued for nobody"],
  ])("%s", async (_, mail, bdat) => {
    const { fates } = await conversation(
      THREE,
      `
      ${HELLO_CHUNKING}
      ${PROBE}
      S: 250 reset
      S: ${mail}
      S: ${bdat}
      S: 250 reset
      ${ACCEPTED}
      ${WITH_DATA}`,
      AUTO,
    );
    expect(fates).toEqual(ALL);
  });
});

describe("its count is off: nothing of a text was sent, everything is retryable, the peer is remembered", () => {
  const AGAIN = `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    C: DATA
    ${ACCEPTED}
    S: 354 go on
    C: Text 1
    C: .
    S: 250 queued`;

  test.each([
    ["the octets were run as a command", "250 reset", ["503 none", "500 unknown command", "250 reset"]],
    [
      "the octets were run as a command that is not minded",
      "250 reset",
      ["503 none", "250 what?", "250 reset"],
    ],
    ["the text was answered twice", "250 reset", ["503 none", "503 none", "250 reset"]],
    ["RSET was refused, twice alike", "451 not now", ["503 none", "451 not now"]],
  ])("%s", async (_, reset, replies) => {
    const peer = await ScriptedPeer.start();
    const first = await peer.conversation(
      THREE,
      `
      ${HELLO_CHUNKING}
      ${PROBE}
      S: ${reset}
      S: 250 ok
      ${replies.map((reply) => `S: ${reply}`).join("\n")}
      ${ACCEPTED}
      -- client closes`,
      AUTO,
    );
    expect(first.fates).toEqual(lost(1, 2, 3));
    expect(first.reason).toBe("error");
    expect(first.warnings.length).toBeGreaterThan(0);

    const second = await peer.conversation([message(1)], `${AGAIN}${BYE}`, AUTO);
    expect(second.fates).toEqual(["b1 succeeded 250"]);
    const strict = await peer.conversation([message(1)], `${AGAIN}${BYE}`, {
      session: chunking("strict"),
    });
    expect(strict.fates).toEqual(["b1 succeeded 250"]);
  });
});

test("the connection is lost during the probe: nothing is unknown", async () => {
  const { fates } = await conversation(
    THREE,
    `
    ${HELLO_CHUNKING}
    ${PROBE}
    S: 250 reset
    S: 250 ok
    -- close`,
    AUTO,
  );
  expect(fates).toEqual(lost(1, 2, 3));
});

test("421 to the probe's MAIL, and it closes: everything is retryable", async () => {
  const { fates } = await conversation(
    THREE,
    `
    ${HELLO_CHUNKING}
    ${PROBE}
    S: 250 reset
    S: 421 too many connections
    -- close`,
    AUTO,
  );
  expect(fates).toEqual(lost(1, 2, 3));
});

test.each([
  ["and it closes", "S: 500 what?\n-- close", "ESMTP_SERVER_CLOSING"],
  [
    "and it goes on: what can't be refused was not answered",
    "S: 500 what?\nS: 250 ok\nS: 503 no recipients\nS: 500 what?\nS: 250 ok\nS: 250 ok\n-- client closes",
    "ESMTP_OUT_OF_STEP",
  ],
])("the RSET that begins the probe is refused, %s", async (_, script, code) => {
  const { fates, error } = await conversation(THREE, `${HELLO_CHUNKING}\n${PROBE}\n${script}`, AUTO);
  expect(fates).toEqual(lost(1, 2, 3));
  expect(error).toBe(code);
});

test("silence in the midst of the probe: the connection is closed, everything is retryable", async () => {
  const { fates } = await conversation(
    THREE,
    `
    ${HELLO_CHUNKING}
    ${PROBE}
    S: 250 reset
    S: 250 ok
    S: 503 no recipients
    -- client closes`,
    { session: chunking("auto", { timeouts: { closing: 50, followOn: 50, command: 50 } }) },
  );
  expect(fates).toEqual(lost(1, 2, 3));
});

test("LAST answered in the words of RSET: succeeded, and the strict form from there", async () => {
  const peer = await ScriptedPeer.start();
  const strict = (a: number, b: number): string => `
    ${envelope(a)}
    ${ACCEPTED}
    ${last(a)}
    ${envelope(b)}
    S: 250 ok
    S: 250 ok
    ${ACCEPTED}
    ${last(b)}
    S: 250 ok
    S: 250 ok`;
  const { fates } = await peer.conversation(
    THREE,
    `
    ${HELLO_CHUNKING}
    ${PROBE}
    S: 250 ok
    S: 250 ok
    S: 503 no recipients
    S: 250 ok
    ${ACCEPTED}
    ${last(1)}
    S: 250 ok
    S: 250 ok
    ${strict(2, 3)}
    ${BYE}`,
    AUTO,
  );
  expect(fates).toEqual(ALL);
  const next = await peer.conversation(
    [message(4), message(5)],
    `${HELLO_CHUNKING} ${strict(4, 5)} ${BYE}`,
    AUTO,
  );
  expect(next.fates).toEqual(["b4 succeeded 250", "b5 succeeded 250"]);
});

test("LAST of the first message answered twice: the session ends, nothing else was sent", async () => {
  const { fates, reason } = await conversation(
    THREE,
    `
    ${HELLO_CHUNKING}
    ${PROBE}
    ${PROBED}
    ${last(1)}
    S: 250 queued
    S: 250 queued
    S: 250 reset
    -- client closes`,
    AUTO,
  );
  expect(fates[0]).not.toMatch(/failed/); // it was taken
  expect(fates.slice(1)).toEqual(lost(2, 3));
  expect(reason).toBe("error");
});

test("the first message is refused at RCPT: the next one is the one that goes alone", async () => {
  const { fates } = await conversation(
    THREE,
    `
    ${HELLO_CHUNKING}
    ${PROBE}
    S: 250 reset
    S: 250 ok
    S: 503 no recipients
    S: 250 reset
    S: 250 ok
    S: 550 no such user
    C: RSET
    ${envelope(2)}
    S: 250 reset
    ${ACCEPTED}
    ${last(2)}
    ${QUEUED}
    ${burst(3)}
    ${TAKEN}
    ${BYE}`,
    AUTO,
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "b2 succeeded 250", "b3 succeeded 250"]);
});

test('no probe with chunking "strict", nor with pipelining "transaction"', async () => {
  const strict = [1, 2, 3].map((n) => `${envelope(n)} ${ACCEPTED} ${last(n)} ${QUEUED}`);
  const { fates } = await conversation(THREE, `${HELLO_CHUNKING} ${strict.join("")} ${BYE}`, {
    session: { ...chunking("strict"), pipelining: "transaction" },
  });
  expect(fates).toEqual(ALL);
});
