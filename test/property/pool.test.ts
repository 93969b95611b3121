import fc from "fast-check";
import { BoundedPeerMemory, type Delivery, type Message } from "smtp-pipelining";
import { SmtpPool } from "smtp-pipelining/pool";
import { createTestServer, cut, type Fault, stall, type TestServer } from "smtp-pipelining/testing";
import { expect, test } from "vitest";
import { Fates } from "../support/pools.ts";
import { runs } from "../support/scripts.ts";

// Relays that refuse, cut, fall silent, close and come back, and what a pool says of each recipient: compared with what the
// relays accepted.

const PLACES = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "text"] as const;

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc
    .record({
      at: fc.constantFrom(...PLACES),
      nth: fc.integer({ min: 1, max: 8 }),
      when: fc.constantFrom("received" as const, "done" as const, "answered" as const),
      how: fc.constantFrom("fin" as const, "rst" as const),
    })
    .map(cut),
  fc
    .record({
      afterReceived: fc.integer({ min: 1, max: 900 }),
      connection: fc.integer({ min: 1, max: 4 }),
    })
    .map(cut),
  fc
    .record({ afterSent: fc.integer({ min: 1, max: 600 }), connection: fc.integer({ min: 1, max: 4 }) })
    .map(cut),
  fc.record({ at: fc.constantFrom(...PLACES), nth: fc.integer({ min: 1, max: 6 }) }).map(stall),
);

/** What a relay answers beside: by the beginning of a command. Addresses decide whom it refuses. */
const replies = fc.constantFrom<Record<string, string>>(
  {},
  { "RCPT TO:<busy": "450 4.2.1 Busy" },
  { "RCPT TO:<busy": "421 4.3.2 Closing", "RCPT TO:<no": "550 5.1.1 Nobody" },
  { "MAIL FROM:<spam": "550 5.7.1 Not from you" },
);

const relay = fc.record({
  faults: fc.array(fault, { maxLength: 4 }),
  replies,
  chunking: fc.boolean(),
  /** Closed once so many messages are settled, and open again some later. */
  away: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
});

const scenario = fc.record({
  relays: fc.array(relay, { minLength: 1, maxLength: 3 }),
  connections: fc.integer({ min: 1, max: 4 }),
  messages: fc.array(
    fc.record({
      from: fc.constantFrom("news@example.org", "spam@example.org"),
      kinds: fc.array(fc.constantFrom("to", "to", "to", "no", "busy"), { minLength: 1, maxLength: 3 }),
      source: fc.constantFrom("memory", "function"),
    }),
    { minLength: 1, maxLength: 40 },
  ),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function* messagesOf({ messages }: Scenario): Generator<Message> {
  for (const [n, { from, kinds, source }] of messages.entries()) {
    const to = kinds.map((kind, i) => `${kind}-${n}-${i}@example.net`);
    const text = `Subject: ${n}\r\n\r\nText ${n}.\r\n`;
    yield { id: `m${n}`, from, to, data: source === "memory" ? text : () => text };
  }
}

/** Plays a scenario. Returns the deliveries, and all that any relay ever accepted. */
async function play(given: Scenario): Promise<{ deliveries: Delivery[]; accepted: Map<string, number> }> {
  const all: TestServer[] = [];
  const open = async (
    { chunking, replies: answers }: Scenario["relays"][number],
    faults: readonly Fault[],
    port?: number,
  ): Promise<TestServer> => {
    const extensions = ["PIPELINING", ...(chunking ? ["CHUNKING"] : [])];
    const where = port !== undefined && { port };
    const server = await createTestServer({ replies: answers, faults, extensions, ...where });
    all.push(server);
    return server;
  };
  const relays = await Promise.all(
    given.relays.map(async (each) => ({ ...each, server: await open(each, each.faults) })),
  );
  const pool = new SmtpPool({
    relays: relays.map(({ server: { host, port } }) => ({ host, port })),
    connections: given.connections,
    peers: new BoundedPeerMemory(),
    backoff: { first: 1, most: 5 },
    patience: 400,
    attempts: 20,
    pacing: false,
    timeouts: {
      connect: 200,
      greeting: 40,
      command: 40,
      mail: 40,
      rcpt: 40,
      data: 40,
      text: 40,
      message: 40,
      followOn: 40,
      probe: 40,
      closing: 40,
    },
  });
  const told = new Fates(pool);
  const deliveries: Delivery[] = [];
  let returning: Promise<unknown> = Promise.resolve();
  for await (const delivery of pool.deliver(messagesOf(given))) {
    deliveries.push(delivery);
    told.expect(delivery);
    for (const each of relays) {
      if (each.away !== deliveries.length) continue;
      const { port } = each.server;
      returning = each.server.close().then(() => open(each, [], port));
    }
  }
  await returning;
  await pool.quit();
  const accepted = new Map<string, number>();
  for (const { messages } of all) {
    for (const address of messages.flatMap(({ to }) => to))
      accepted.set(address, (accepted.get(address) ?? 0) + 1);
  }
  await Promise.all(all.map((server) => server.close()));
  return { deliveries, accepted };
}

test("every recipient of a pool has one fate, and it is true", { timeout: 240_000 }, async () => {
  const count = { succeeded: 0, failed: 0, unknown: 0, unknownButTaken: 0 };
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const { deliveries, accepted } = await play(given);
      expect(deliveries.map(({ id }) => id).sort()).toEqual(
        [...messagesOf(given)].map(({ id }) => id).sort(),
      );
      for (const { recipients } of deliveries) {
        for (const { address, status } of recipients) {
          const times = accepted.get(address) ?? 0;
          count[status]++;
          if (status === "succeeded") expect([address, times]).toEqual([address, 1]);
          if (status === "failed") expect([address, times]).toEqual([address, 0]);
          // Never sent again: taken once at most.
          if (status === "unknown") expect(times, address).toBeLessThan(2);
          if (status === "unknown" && times === 1) count.unknownButTaken++;
        }
      }
    }),
    { numRuns: runs(150) },
  );
  console.log("recipients of pools whose relays fail:", count);
  expect(count.succeeded).toBeGreaterThan(0);
  expect(count.failed).toBeGreaterThan(0);
  expect(count.unknown).toBeGreaterThan(0);
});
