import { expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message } from "../support/scripted-peer.ts";

// API: each ordinary command fulfils with its reply; it rejects only if the session fails or the argument is unfit.

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("each alone in its group, and fulfilled whatever the code", async () => {
  const { log } = await conversation(
    [],
    `
    ${hello("PIPELINING", "HELP", "ETRN")}
    C: NOOP
    S: 250 ok
    C: RSET
    S: 250 reset
    C: VRFY Crispin
    S: 252 2.5.0 try and see
    C: EXPN list
    S: 550 5.7.1 no lists
    C: HELP
    S: 214-these
    S: 214 and those
    C: HELP MAIL
    S: 504 no help
    C: ETRN example.com
    S: 458 not now
    C: XCLEAR the queue
    S: 502 what?
    ${BYE}
    `,
    {
      run: async ({ session }) => {
        const replies = await Promise.all([
          session.noop(),
          session.reset(),
          session.verify("Crispin"),
          session.expand("list"),
          session.help(),
          session.help("MAIL"),
          session.etrn("example.com"),
          session.command("XCLEAR the queue"),
        ]);
        expect(replies.map(({ code }) => code)).toEqual([250, 250, 252, 550, 214, 504, 458, 502]);
        expect(replies[2]).toMatchObject({ enhanced: "2.5.0", text: "2.5.0 try and see" });
        expect(replies[4]?.lines).toEqual(["these", "and those"]);
      },
    },
  );
  expect(log.of("groupEnd").map(({ group }) => group.sent.length)).toEqual(
    Array.from({ length: 11 }, () => 1),
  );
});

test.each(["NOOP", "RSET"])(
  "%s refused: fulfilled, nothing more is written, the rest fails",
  async (verb) => {
    const { fates, error } = await conversation(
      [],
      `
    ${HELLO}
    C: ${verb}
    S: 421 too many of those
    -- pause
    -- close
    `,
      {
        run: async ({ send, session }) => {
          const asked = verb === "NOOP" ? session.noop() : session.reset();
          const help = rejection(session.help());
          await send(message(1));
          expect((await asked).code).toBe(421);
          expect(await help).toMatchObject({ code: "ESMTP_SERVER_CLOSING", retryable: true });
        },
      },
    );
    expect(fates).toEqual(["b1 failed connection ESMTP_SERVER_CLOSING retryable"]);
    expect(error).toBe("ESMTP_SERVER_CLOSING");
  },
);

test.each([
  ["the server hangs up", "-- close", "ESMTP_CONNECTION_LOST", "server"],
  ["the replies are out of step", "S: 354 go on", "ESMTP_OUT_OF_STEP", "error"],
  ["the server says what is no reply", "S: hello?", "ESMTP_MALFORMED_REPLY", "error"],
])("%s: the commands asked for are rejected", async (_, script, code, because) => {
  let errors: unknown[] = [];
  const { reason } = await conversation([], `${HELLO}\nC: NOOP\n${script}`, {
    run: async ({ session }) => {
      errors = await Promise.all([session.noop(), session.verify("b1"), session.help()].map(rejection));
    },
  });
  expect(errors).toMatchObject([{ code }, { code }, { code }]);
  expect(reason).toBe(because);
});

test("an unfit argument is a TypeError, and nothing is sent", async () => {
  const { log } = await conversation([], `${HELLO}${BYE}`, {
    run: async ({ session }) => {
      await session.connect();
      const unfit = [
        session.verify("b1\r\nQUIT"),
        session.verify(""),
        session.expand("caf\u00e9"),
        session.help("\0"),
        session.etrn("x".repeat(510)),
        session.command("NOOP\r\nQUIT"),
        session.command("MAIL FROM:<>"),
        session.command("data"),
        session.command("QUIT"),
        session.command(" NOOP"),
      ];
      const errors = await Promise.all(unfit.map(rejection));
      expect(errors.map((error) => error instanceof TypeError)).toEqual(unfit.map(() => true));
    },
  });
  expect(log.of("sent").map(({ command }) => command)).toEqual(["EHLO", "QUIT"]);
});
