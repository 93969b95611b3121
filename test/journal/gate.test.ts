import { type Message, type SendJournal, SmtpError, SmtpSession } from "smtp-pipelining";
import { createTestServer, cut } from "smtp-pipelining/testing";
import { expect, test } from "vitest";
import { fates, message, messages, once, poolTo } from "../support/pools.ts";
import { all, openJournal, states } from "./set-up.ts";

/** A journal that answers when the test says so. */
function handMade(): SendJournal & {
  readonly asked: string[];
  answer(error?: Error): void;
  whenAsked(): Promise<void>;
} {
  const waiting: { resolve(): void; reject(error: Error): void }[] = [];
  const asked: string[] = [];
  let told = (): void => undefined;
  return {
    asked,
    attach: () => (_message: Message, id: string) =>
      new Promise<void>((resolve, reject) => {
        asked.push(id);
        waiting.push({ resolve, reject });
        told();
      }),
    answer(error) {
      for (const { resolve, reject } of waiting.splice(0)) error === undefined ? resolve() : reject(error);
    },
    whenAsked: () =>
      new Promise((resolve) => {
        told = resolve;
      }),
  };
}

test("nothing of a message is written before the journal has it, on either kind of server", async () => {
  for (const extensions of [["PIPELINING"], ["PIPELINING", "CHUNKING"]]) {
    await using server = await createTestServer({ extensions });
    const journal = handMade();
    const session = new SmtpSession({ host: server.host, port: server.port, journal });
    const log: string[] = [];
    session.on("sent", ({ command }) => log.push(command));
    const asked = journal.whenAsked();
    const pipelined = [session.pipeline(message(1)), session.pipeline(message(2))];
    await asked;
    // Without the gate it would be written in this turn.
    await new Promise(setImmediate);
    log.push("answer");
    journal.answer();
    expect((await Promise.all(pipelined)).map(({ ok }) => ok)).toEqual([true, true]);
    await session.quit();
    expect(journal.asked).toEqual(["m1", "m2"]);
    expect(log.indexOf("MAIL")).toBeGreaterThan(log.indexOf("answer"));
    expect(log.filter((command) => command === "MAIL")).toHaveLength(2);
  }
});

test("a journal that fails stops its messages, and nothing of them is written", async () => {
  await using server = await createTestServer();
  const journal = handMade();
  const session = new SmtpSession({ host: server.host, port: server.port, journal });
  const asked = journal.whenAsked();
  const pipelined = session.pipeline(message(1));
  await asked;
  journal.answer(new SmtpError("ESMTP_JOURNAL", "no room", { retryable: true }));
  expect(fates(await pipelined)).toEqual(["failed aborted ESMTP_JOURNAL"]);
  const next = journal.whenAsked();
  const another = session.pipeline(message(2));
  await next;
  journal.answer(new RangeError("what a journal of somebody else's may throw"));
  expect(fates(await another)).toEqual(["failed aborted ESMTP_JOURNAL"]);
  await session.quit();
  expect(server.messages).toEqual([]);
  const lines = server.connections.flatMap(({ transcript }) => transcript);
  expect(lines.filter((line) => line.startsWith("C:"))).toEqual([
    expect.stringMatching(/^C: EHLO /),
    "C: QUIT",
  ]);
});

test("a message whose text fails while the journal is at work fails with that", async () => {
  await using server = await createTestServer();
  const journal = handMade();
  const session = new SmtpSession({ host: server.host, port: server.port, journal });
  const asked = journal.whenAsked();
  let fail = (_: Error): void => undefined;
  const data = () =>
    new Promise<string>((_, reject) => {
      fail = reject;
    });
  const failing = session.pipeline(message(1, { data }));
  await asked;
  fail(new Error("no such file"));
  expect(fates(await failing)).toEqual(["failed message ESMTP_SOURCE_FAILED"]);
  journal.answer(); // too late for it
  const next = journal.whenAsked();
  const another = session.pipeline(message(2));
  await next;
  journal.answer();
  expect((await another).ok).toBe(true);
  await session.quit();
});

test("a message that a pool tries again is begun again, and it is not known as two", async () => {
  await using server = await createTestServer({ faults: [cut({ at: "MAIL" })] });
  const journal = await openJournal();
  const pool = poolTo(server, { connections: 1, journal });
  const retried = once(pool, "retry");
  const deliveries = await all(pool.deliver(journal.resume(messages(1, 3))));
  await retried;
  expect(deliveries.every(({ ok }) => ok)).toBe(true);
  expect(server.messages).toHaveLength(3);
  expect((await journal.entry("m1"))?.attempts).toBe(2);
  expect(states(await journal.entry("m3"))).toEqual(["b3@example.net succeeded"]);
});
