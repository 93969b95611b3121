import { expect, test } from "vitest";
import { BYE, closed, HELLO, message, ScriptedPeer } from "../support/scripted-peer.ts";

// A message queued when the "." is written and its reply is owed.

const FIRST = `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .`;

const SECOND = `
    C: MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA`;

const PROOF = `
    ${FIRST}
    C: RSET
    ${SECOND}
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}`;

const later = {
  run: async ({
    session,
    send,
  }: Parameters<NonNullable<Parameters<ScriptedPeer["conversation"]>[2]>["run"] & object>[0]) => {
    void send(message(1));
    await closed(session);
  },
  actions: {
    "message 2": ({
      send,
      session,
    }: {
      send: (each: ReturnType<typeof message>) => Promise<unknown>;
      session: { quit(): Promise<void> };
    }) => {
      void send(message(2)).then(() => session.quit());
    },
  },
};

test("to a server that is not proven it waits for the reply", async () => {
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [],
    `
    ${FIRST}
    -- message 2
    S: 250 queued
    ${SECOND}
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    later,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("to a proven one it goes at once, as a group of its own, behind RSET; a session learns it from the last", async () => {
  const peer = await ScriptedPeer.start();
  await peer.conversation([message(1), message(2)], PROOF);
  const { fates, log } = await peer.conversation(
    [],
    `
    ${FIRST}
    -- message 2
    C: RSET
    ${SECOND.replace("C:", "C+")}
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    later,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  const groups = log.of("groupEnd").map(({ group }) => group.sent);
  expect(groups).toContainEqual(["."]);
  expect(groups).toContainEqual(["RSET", "MAIL FROM:<a2@example.org>", "RCPT TO:<b2@example.net>", "DATA"]);
});

test('with pipelining: "transaction" it waits, proven or not', async () => {
  const peer = await ScriptedPeer.start();
  await peer.conversation([message(1), message(2)], PROOF);
  const { fates } = await peer.conversation(
    [],
    `
    ${FIRST}
    -- message 2
    S: 250 queued
    ${SECOND}
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    { ...later, session: { pipelining: "transaction" } },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("a message whose source is not open when the dot goes does not hold up the text", async () => {
  const peer = await ScriptedPeer.start();
  let open: (text: string) => void = () => undefined;
  const text = new Promise<string>((resolve) => {
    open = resolve;
  });
  const { fates } = await peer.conversation(
    [message(1), message(2, { data: () => text })],
    `
    ${FIRST}
    S: 250 queued
    -- open
    ${SECOND}
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    { actions: { open: () => open("Text 2") } },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});
