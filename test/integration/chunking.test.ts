import { BoundedPeerMemory, type Delivery, type Message, SmtpSession } from "smtp-pipelining";
import { describe, expect, onTestFinished, test } from "vitest";
import { type BdatServer, type BdatServerOptions, startBdatServer } from "../support/bdat-server.ts";
import { type Chunking, chunking } from "../support/chunking-option.ts";
import type { Fault } from "../support/model-server.ts";

// Many messages to servers on real sockets, sound or with one of the faults that servers were seen to have.

const MANY = 500;

/** Every text is its message's own, and would do harm as commands. */
function messages(count: number): Message[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `m${n}`,
    from: `a${n}@example.org`,
    to: `b${n}@example.net`,
    data: `.${n}\r\nRSET\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.net>\r\n`,
  }));
}

interface Sent {
  readonly server: BdatServer;
  readonly deliveries: readonly Delivery[];
  readonly counts: Readonly<Record<"succeeded" | "failed" | "unknown", number>>;
}

async function send(
  options: BdatServerOptions,
  mode: Chunking = "auto",
  count: number = MANY,
): Promise<Sent> {
  const server = await startBdatServer(options);
  const sent = await sendTo(server, mode, count, new BoundedPeerMemory());
  return { server, ...sent };
}

async function sendTo(
  server: BdatServer,
  mode: Chunking,
  count: number,
  peers: BoundedPeerMemory,
): Promise<Omit<Sent, "server">> {
  const session = new SmtpSession({ host: "127.0.0.1", port: server.port, peers, ...chunking(mode) });
  onTestFinished(() => session.destroy());
  const deliveries = await Promise.all(messages(count).map((each) => session.pipeline(each)));
  await session.quit();
  const of = (list: "succeeded" | "failed" | "unknown"): number =>
    deliveries.reduce((sum, delivery) => sum + delivery[list].length, 0);
  return { deliveries, counts: { succeeded: of("succeeded"), failed: of("failed"), unknown: of("unknown") } };
}

test.each([
  ["that is there", () => messages(MANY)],
  [
    "that comes one by one",
    async function* () {
      for (const each of messages(MANY)) {
        await new Promise(setImmediate);
        yield each;
      }
    },
  ],
] as const)("deliver() of a list %s, on a session that is connected: bursts", async (_, list) => {
  const server = await startBdatServer();
  const session = new SmtpSession({ host: "127.0.0.1", port: server.port, peers: new BoundedPeerMemory() });
  onTestFinished(() => session.destroy());
  await session.connect();
  const deliveries: Delivery[] = [];
  for await (const delivery of session.deliver(list())) deliveries.push(delivery);
  await session.quit();
  expect(deliveries.filter(({ ok }) => !ok)).toEqual([]);
  expect(server.delivered.length).toBe(MANY);
  // Until three wait, texts go with DATA.
  expect(server.commands.filter((line) => line === "DATA").length).toBeLessThan(10);
});

/** What was delivered is whole, its own sender's, and what was said of it is true; nothing leaked. */
function expectTrue({ server, deliveries }: Sent): void {
  expect(server.leaked).toEqual([]);
  const own = new Map(messages(deliveries.length).map((each) => [each.to, each]));
  for (const { from, to, text } of server.delivered) {
    const [address = "", ...others] = to;
    expect(others).toEqual([]);
    expect({ from, text }).toEqual({ from: own.get(address)?.from, text: own.get(address)?.data });
  }
  const delivered = server.delivered.flatMap(({ to }) => to);
  expect(new Set(delivered).size, "delivered once each").toBe(delivered.length);
  for (const { succeeded, failed } of deliveries) {
    for (const { address } of succeeded) expect(delivered).toContain(address);
    for (const { address } of failed) expect(delivered).not.toContain(address);
  }
}

function refusals(on: Fault["on"], says: number, each: number): Fault[] {
  return Array.from({ length: MANY }, (_, i) => ({ on, nth: i * each + 1, says, after: "goOn" as const }));
}

describe.each(["auto", "strict"] as const)("chunking %s", (mode) => {
  test.each<[string, BdatServerOptions, number]>([
    ["a sound server", {}, MANY],
    ["LAST and RSET answered alike", { chunking: { alike: true } }, MANY],
    ["replies held back until 20 texts have come", { chunking: { holds: 20 } }, mode === "auto" ? MANY : 5],
    ["RSET between chunks would be read on as text", { chunking: { readsOnBehindReset: true } }, MANY],
    ["octets beyond SIZE would be run", { size: 1_000, chunking: { leaksTooLarge: true } }, MANY],
    ["without CHUNKING", { chunking: "off" }, MANY],
  ])("%s: everything is delivered", async (_, options, count) => {
    const sent = await send(options, mode, count);
    expectTrue(sent);
    expect(sent.counts).toEqual({ succeeded: count, failed: 0, unknown: 0 });
    expect(sent.server.connections).toBe(1);
  });

  test.each<[string, BdatServerOptions]>([
    ["nothing", {}],
    ["a transaction of which nothing came", { keeps: "refused" }],
    ["every transaction", { keeps: "everything" }],
  ])("every fifth recipient is refused, by a server that keeps open %s", async (_, options) => {
    const sent = await send({ ...options, faults: refusals("RCPT", 550, 5) }, mode);
    expectTrue(sent);
    expect(sent.counts).toEqual({ succeeded: 400, failed: 100, unknown: 0 });
  });

  test("every fifth text is refused", async () => {
    const sent = await send({ faults: refusals("text", 554, 5) }, mode);
    expectTrue(sent);
    expect(sent.counts.succeeded + sent.counts.failed).toBe(MANY);
    expect(sent.counts.succeeded).toBe(sent.server.delivered.length);
  });

  test("every fifth RCPT is answered 421, and the server goes on", async () => {
    const sent = await send({ faults: refusals("RCPT", 421, 5) }, mode);
    expectTrue(sent);
    expect(sent.counts.unknown).toBe(0);
    // Strict, it is the last reply owed: the server is taken at its word, and hangs up as far as the session can tell.
    if (mode === "auto") expect(sent.counts).toEqual({ succeeded: 400, failed: 100, unknown: 0 });
  });

  test("421 to MAIL in the midst, and the server hangs up: nothing is unknown", async () => {
    const faults: Fault[] = [{ on: "MAIL", nth: 250, says: 421, after: "hangUp" }];
    const sent = await send({ faults }, mode);
    expectTrue(sent);
    expect(sent.counts.unknown).toBe(0);
    expect(sent.counts.succeeded).toBe(sent.server.delivered.length);
  });

  test("too many transactions in vain, and the server hangs up: nothing is unknown", async () => {
    const faults = refusals("RCPT", 550, 5);
    const sent = await send({ faults, chunking: { mostInVain: 12 } }, mode);
    expectTrue(sent);
    expect(sent.counts.unknown).toBe(0);
    expect(sent.counts.failed).toBeGreaterThan(12);
  });

  test.each([200, 5_000, 20_000, 40_000])("cut behind %i octets: what is said is true", async (cutBehind) => {
    const sent = await send({ cutBehind }, mode);
    expectTrue(sent);
    expect(sent.counts.succeeded + sent.counts.failed + sent.counts.unknown).toBe(MANY);
    expect(sent.counts.succeeded).toBeLessThan(MANY);
  });

  test("a server that runs what it refuses as commands never gets the chance", async () => {
    const sent = await send(
      { faults: refusals("RCPT", 550, 2), chunking: { leaksUnreceivable: true } },
      mode,
    );
    expectTrue(sent);
  });
});

test("a leaker is remembered: the next session sends with DATA and all goes well", async () => {
  const server = await startBdatServer({ chunking: { leaksUnreceivable: true } });
  const peers = new BoundedPeerMemory();
  const first = await sendTo(server, "auto", 10, peers);
  expect(first.counts).toEqual({ succeeded: 0, failed: 10, unknown: 0 });
  const probes = server.commands.filter((line) => line.startsWith("BDAT")).length;
  const second = await sendTo(server, "auto", 10, peers);
  expect(second.counts).toEqual({ succeeded: 10, failed: 0, unknown: 0 });
  expect(server.commands.filter((line) => line.startsWith("BDAT")).length).toBe(probes);
  expect(server.leaked).toEqual([]);
});

test("a server that answers LAST twice delivers under no other sender, and nothing is said to be that is not", async () => {
  const sent = await send({ chunking: { answersTwice: true } });
  expectTrue(sent);
  expect(sent.counts.failed).toBeGreaterThan(0);
});
