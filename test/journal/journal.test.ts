import { Readable } from "node:stream";
import { SmtpSession } from "smtp-pipelining";
import { createTestServer, cut } from "smtp-pipelining/testing";
import { describe, expect, test, vi } from "vitest";
import { message, messages, poolTo } from "../support/pools.ts";
import { all, folderFor, idsOf, openJournal, states } from "./set-up.ts";

describe("what is added", () => {
  test("is sent with its text, its parameters and its tag, by another process, too", async () => {
    await using server = await createTestServer();
    const folder = await folderFor();
    {
      const journal = await openJournal(folder);
      const added = await journal.add({
        id: "order-1",
        from: "shop@example.org",
        to: [{ address: "you@example.net", notify: ["FAILURE"] }, "they@example.net"],
        data: Readable.from(["Subject: é\r\n", "\r\n.dot\r\n"]),
        dsn: { envid: "E1" },
        tag: { customer: 17 },
      });
      expect(added).toEqual({ id: "order-1", added: true });
      await journal.close();
    }
    const journal = await openJournal(folder);
    const pool = poolTo(server, { journal });
    const deliveries = await all(pool.deliver(journal.pending()));
    expect(deliveries.map(({ id, ok, tag }) => [id, ok, tag])).toEqual([["order-1", true, { customer: 17 }]]);
    expect(server.messages.map(({ from, to, text }) => [from, to, text])).toEqual([
      ["shop@example.org", ["you@example.net", "they@example.net"], "Subject: é\r\n\r\n.dot\r\n"],
    ]);
    const lines = server.connections.flatMap(({ transcript }) => transcript);
    expect(lines).toContainEqual(expect.stringMatching(/^C: MAIL FROM:<shop@example.org>.* ENVID=E1/));
    expect(lines).toContain("C: RCPT TO:<you@example.net> NOTIFY=FAILURE");
    expect(states(await journal.entry("order-1"))).toEqual([
      "you@example.net succeeded",
      "they@example.net succeeded",
    ]);
  });

  test("is added once: of one id the first stays", async () => {
    await using server = await createTestServer();
    const journal = await openJournal();
    const twice = await Promise.all([
      journal.add(message(1)),
      journal.add(message(1, { to: "x@example.net" })),
    ]);
    expect(twice.map(({ added }) => added)).toEqual([true, false]);
    const deliveries = await all(poolTo(server, { journal }).deliver(journal.pending()));
    expect(deliveries.map(({ succeeded }) => succeeded.map(({ address }) => address))).toEqual([
      ["b1@example.net"],
    ]);
    expect((await journal.add(message(1))).added).toBe(false);
  });

  test("gets an id where it has none", async () => {
    const journal = await openJournal();
    const { id } = await journal.add({ from: "a@example.org", to: "b@example.net", data: "x" });
    expect(states(await journal.entry(id))).toEqual(["b@example.net waiting"]);
  });

  test("is refused before anything is kept if it is no message, or its text can't be had", async () => {
    const journal = await openJournal();
    await expect(journal.add({ from: "a@example.org", to: [], data: "x" })).rejects.toThrow(
      "message.to has no",
    );
    await expect(journal.add(message(1, { data: Readable.from(failing()) }))).rejects.toThrow("disk gone");
    const large = { data: Buffer.alloc(65 * 1_048_576) };
    await expect(journal.add(message(2, large))).rejects.toMatchObject({ code: "ESMTP_SIZE_EXCEEDED" });
    await expect(journal.add(message(3, { tag: 1n }))).rejects.toThrow("message.tag");
    expect(await journal.counts()).toEqual({ waiting: 0, begun: 0, unknown: 0, finished: 0 });

    function* failing(): Generator<string> {
      yield "Subject: x";
      throw new Error("disk gone");
    }
  });
});

test("only what is left of a message is sent again: neither who got it, nor who was refused for good", async () => {
  let busy = true;
  await using server = await createTestServer({
    replies: {
      "RCPT TO:<no@": "550 5.1.1 No such user",
      "RCPT TO:<later@": () => (busy ? "450 4.2.1 Busy" : undefined),
    },
  });
  const journal = await openJournal();
  const pool = poolTo(server, { journal });
  const to = ["no@example.net", "yes@example.net", "later@example.net"];
  await journal.add(message(1, { to }));
  await all(pool.deliver(journal.pending()));
  expect(states(await journal.entry("m1"))).toEqual([
    "no@example.net failed",
    "yes@example.net succeeded",
    "later@example.net waiting",
  ]);
  expect((await journal.entry("m1"))?.recipients.map(({ reason }) => reason)).toEqual([
    "550 5.1.1 No such user",
    expect.stringMatching(/^250 /),
    "450 4.2.1 Busy",
  ]);
  expect(await all(journal.pending())).toEqual([]); // not due yet
  busy = false;
  const deliveries = await all(pool.deliver(journal.pending({ early: true })));
  expect(
    deliveries.map(({ recipients }) => recipients.map(({ address, status }) => [address, status])),
  ).toEqual([[["later@example.net", "succeeded"]]]);
  expect(await journal.counts()).toEqual({ waiting: 0, begun: 0, unknown: 0, finished: 1 });
});

test("who follows gets what is added later, and what becomes due, until the signal fires", async () => {
  let refusals = 2;
  await using server = await createTestServer({
    replies: { "RCPT TO:<b2@": () => (refusals-- > 0 ? "450 4.2.1 Busy" : undefined) },
  });
  const journal = await openJournal(undefined, { retry: { first: 1, most: 5 } });
  const controller = new AbortController();
  const { signal } = controller;
  const pool = poolTo(server, { journal });
  await journal.add(message(1));
  const fates: string[] = [];
  for await (const { id, ok } of pool.deliver(journal.pending({ follow: true, signal }))) {
    fates.push(`${id} ${ok}`);
    if (id === "m1") await journal.add(message(2));
    if (id === "m2" && ok) controller.abort();
  }
  expect(fates).toEqual(["m1 true", "m2 false", "m2 false", "m2 true"]);
  expect((await journal.entry("m2"))?.attempts).toBe(3);
});

test("who follows does not ask again and again for what is in hand, and ends with the journal", async () => {
  const journal = await openJournal();
  await journal.add(message(1));
  const following = journal.pending({ follow: true });
  expect((await following.next()).value?.id).toBe("m1");
  const next = following.next();
  // It is in hand, and due: it is to be waited for, not looked for again in each turn of the event loop.
  const timers = vi.spyOn(globalThis, "setTimeout");
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  expect(timers.mock.calls.length).toBeLessThan(3);
  timers.mockRestore();
  await journal.add(message(2));
  expect((await next).value?.id).toBe("m2");
  const last = following.next();
  await journal.close();
  expect((await last).done).toBe(true);
});

test("what is too old is not tried again", async () => {
  await using server = await createTestServer({ replies: { RCPT: "450 4.2.1 Busy" } });
  const journal = await openJournal(undefined, { retry: { first: 1, most: 1, age: 1 } });
  await journal.add(message(1));
  // The second try at the latest is more than a millisecond behind the adding.
  while ((await journal.entry("m1"))?.finishedAt === undefined) {
    await all(poolTo(server, { journal }).deliver(journal.pending({ early: true })));
  }
  expect(states(await journal.entry("m1"))).toEqual(["b1@example.net failed"]);
});

test("what ended unknown is held, listed, and sent again only when told to", async () => {
  await using server = await createTestServer({ faults: [cut({ at: "text" })] });
  const journal = await openJournal();
  const pool = poolTo(server, { journal });
  const run = () => all(pool.deliver(journal.resume(messages(1, 3))));
  const first = (await run()).flatMap(({ unknown }) => unknown.map(({ address }) => address));
  expect(first).toEqual(["b1@example.net"]);
  expect((await all(journal.unknown())).map(({ id, recipients }) => [id, recipients[0]?.state])).toEqual([
    ["m1", "unknown"],
  ]);
  expect(await run()).toEqual([]);
  expect(await journal.resend(["m1"])).toBe(1);
  expect(await journal.resend()).toBe(0);
  const again = await run();
  expect(again.map(({ id, ok }) => [id, ok])).toEqual([["m1", true]]);
  // It had arrived: that is what unknown means.
  expect(server.messages.filter(({ to }) => to.includes("b1@example.net"))).toHaveLength(2);
});

test("somebody may say what became of what is unknown", async () => {
  await using server = await createTestServer({ faults: [cut({ at: "text" })] });
  const journal = await openJournal();
  await all(poolTo(server, { journal }).deliver(journal.resume(messages(1, 1))));
  await expect(journal.settle("m9", "succeeded")).rejects.toThrow("no message");
  expect(await journal.settle("m1", "succeeded")).toBe(1);
  expect(states(await journal.entry("m1"))).toEqual(["b1@example.net succeeded"]);
  expect(await all(journal.unknown())).toEqual([]);
  expect(await all(journal.resume(messages(1, 1)))).toEqual([]);
});

describe("a source that is read again", () => {
  test("brings only what is new, and what is left", async () => {
    await using server = await createTestServer({ replies: { "RCPT TO:<b2@": "550 5.1.1 No such user" } });
    const journal = await openJournal();
    await all(poolTo(server, { journal }).deliver(journal.resume(messages(1, 2))));
    const more = message(1, { to: ["b1@example.net", "another@example.net"] });
    const rest = await all(journal.resume([more, message(2), message(3)]));
    expect(idsOf(rest)).toEqual(["m1", "m3"]);
    expect(rest[0]?.to).toEqual([{ address: "another@example.net" }]);
  });

  test("needs ids", async () => {
    const journal = await openJournal();
    const source = [{ from: "a@example.org", to: "b@example.net", data: "x" }];
    await expect(all(journal.resume(source))).rejects.toThrow("message.id is missing");
  });

  test("is as old as the journal remembers", async () => {
    await using server = await createTestServer();
    const folder = await folderFor();
    const journal = await openJournal(folder);
    await all(poolTo(server, { journal }).deliver(journal.resume(messages(1, 1))));
    await journal.close();
    let reopened = await openJournal(folder, { keep: 60_000 });
    expect((await reopened.counts()).finished).toBe(1);
    await reopened.close();
    const finishedAt = Date.now();
    while (Date.now() < finishedAt + 5) await new Promise(setImmediate);
    reopened = await openJournal(folder, { keep: 1 });
    expect(await reopened.counts()).toEqual({ waiting: 0, begun: 0, unknown: 0, finished: 0 });
    expect(await reopened.entry("m1")).toBeUndefined();
  });
});

describe("an id that is used again", () => {
  test("does not send a message again that is done", async () => {
    await using server = await createTestServer();
    const journal = await openJournal();
    const session = new SmtpSession({ host: server.host, port: server.port, journal });
    const first = await session.pipeline(message(1));
    const second = await session.pipeline(message(1));
    await session.quit();
    expect(first.ok).toBe(true);
    expect(second.failed.map(({ stage, retryable, error }) => [stage, retryable, error?.code])).toEqual([
      ["message", false, "ESMTP_JOURNAL_DUPLICATE"],
    ]);
    expect(server.messages).toHaveLength(1);
    expect(states(await journal.entry("m1"))).toEqual(["b1@example.net succeeded"]);
  });

  test("while the first is on its way sends the first alone", async () => {
    await using server = await createTestServer();
    const journal = await openJournal();
    const session = new SmtpSession({ host: server.host, port: server.port, journal });
    const both = await Promise.all([session.pipeline(message(1)), session.pipeline(message(1))]);
    await session.quit();
    expect(both.map(({ ok }) => ok)).toEqual([true, false]);
    expect(server.messages).toHaveLength(1);
    expect(states(await journal.entry("m1"))).toEqual(["b1@example.net succeeded"]);
  });
});

test("an address that a message has twice has a fate for each", async () => {
  let first = true;
  const once = (): string | undefined => {
    const refusal = first ? "550 5.1.1 Not this time" : undefined;
    first = false;
    return refusal;
  };
  await using server = await createTestServer({ replies: { "RCPT TO:<b1@": once } });
  const journal = await openJournal();
  const to = ["b1@example.net", "b1@example.net"];
  await all(poolTo(server, { journal }).deliver(journal.resume([message(1, { to })])));
  expect(states(await journal.entry("m1"))).toEqual(["b1@example.net failed", "b1@example.net succeeded"]);
});

test("wrong arguments are named", async () => {
  const { Journal } = await import("smtp-pipelining/journal");
  await expect(Journal.open("")).rejects.toThrow("folder must be");
  await expect(Journal.open("x", { keep: 0 })).rejects.toThrow("options.keep must be");
  await expect(Journal.open("x", { retry: { first: -1 } })).rejects.toThrow("retry.first must be");
  const journal = await openJournal();
  await expect(journal.settle("m1", "lost" as "failed")).rejects.toThrow('state must be one of "succeeded"');
});
