import { expect, test } from "vitest";
import { BYE, closed, conversation, HELLO, message } from "../support/scripted-peer.ts";

// Ordinary commands in their turn between transactions, keepAlive, and a server that hangs up.

const text = (n: number): string => `
    C: MAIL FROM:<a${n}@example.org>
    C: RCPT TO:<b${n}@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text ${n}
    C: .
    S: 250 queued`;

test("each stands alone, behind the replies to what was queued before it; any code fulfils it", async () => {
  const { fates, log } = await conversation(
    [],
    `
    ${HELLO}
    ${text(1)}
    C: NOOP
    -- pause
    S: 250 ok
    C: VRFY b
    S: 252 try it
    ${text(2)}
    C: EXPN list
    S: 550 no such list
    C: HELP
    S: 214-see
    S: 214 the manual
    C: HELP MAIL
    S: 504 no
    C: ETRN example.org
    S: 458 no
    C: RSET
    S: 250 reset
    C: xthing a b
    S: 354 go on
    -- client closes
    `,
    {
      run: async ({ session, send }) => {
        const first = send(message(1));
        const commands = [session.noop(), session.verify("b")];
        const second = send(message(2));
        commands.push(
          session.expand("list"),
          session.help(),
          session.help("MAIL"),
          session.etrn("example.org"),
          session.reset(),
        );
        const odd = session.command("xthing a b").catch(({ code }: { code: string }) => code);
        const replies = await Promise.all(commands);
        expect(replies.map(({ code }) => code)).toEqual([250, 252, 550, 214, 504, 458, 250]);
        expect(replies[3]?.lines).toEqual(["see", "the manual"]);
        await Promise.all([first, second]);
        expect(await odd).toBe("ESMTP_OUT_OF_STEP");
      },
    },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  expect(log.of("sent").map(({ command }) => command)).toContain("XTHING");
});

test("a RSET of the caller's clears what was owed one", async () => {
  const { fates } = await conversation(
    [],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 550 no such user
    S: 503 no recipient
    C: RSET
    S: 250 reset
    ${text(2)}
    ${BYE}
    `,
    {
      run: async ({ session, send }) => {
        const first = send(message(1));
        const reset = session.reset();
        const second = send(message(2));
        expect((await reset).code).toBe(250);
        await Promise.all([first, second]);
      },
    },
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "b2 succeeded 250"]);
});

test("a NOOP between a refused message and the next: RSET still leads it", async () => {
  const { fates } = await conversation(
    [],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 550 no such user
    S: 503 no recipient
    C: NOOP
    S: 250 ok
    C: RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 reset
    S: 250 ok
    S: 550 no such user
    S: 503 no recipient
    ${BYE}
    `,
    {
      run: async ({ session, send }) => {
        const first = send(message(1));
        const noop = session.noop();
        await Promise.all([first, noop, send(message(2))]);
      },
    },
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "b2 failed rcpt 550"]);
});

test("keepAlive: NOOP while idle, and only then", async () => {
  const { fates } = await conversation(
    [],
    `
    ${HELLO}
    C: NOOP
    S: 250 ok
    C: NOOP
    -- a message
    S: 250 ok
    ${text(1)}
    ${BYE}
    `,
    {
      session: { keepAlive: 30 },
      run: async ({ session }) => {
        await session.connect();
        await closed(session);
      },
      actions: {
        "a message": ({ session, send }) => {
          void send(message(1));
          void session.quit();
        },
      },
    },
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});

test.each([
  ["closes", "-- close", "ESMTP_CONNECTION_LOST"],
  ["says 421 and closes", "S: 421 idle too long\n-- close", "ESMTP_SERVER_CLOSING"],
  ["resets the connection", "-- reset", "ESMTP_CONNECTION_LOST"],
])("a server that %s while nothing is under way: the next message is retryable", async (_, end, code) => {
  const { fates, error, reason } = await conversation(
    [],
    `
    ${HELLO}
    ${text(1)}
    -- pause
    ${end}
    `,
    {
      run: async ({ session, send }) => {
        await send(message(1));
        await closed(session);
        await send(message(2));
      },
    },
  );
  expect(fates).toEqual(["b1 succeeded 250", `b2 failed connection ${code} retryable`]);
  expect([error, reason]).toEqual([code, "server"]);
});

test.each([
  ["closes instead of answering", "-- close"],
  ["answers and closes", "S: 221 bye\n-- close"],
  ["refuses it", "S: 500 what?"],
])("a server that at QUIT %s: that is an end like any other", async (_, end) => {
  const { error, reason } = await conversation(
    [message(1)],
    `
    ${HELLO}
    ${text(1)}
    C: QUIT
    ${end}
    `,
  );
  expect([error, reason]).toEqual([undefined, "quit"]);
});
