import { BoundedPeerMemory, type Message } from "smtp-pipelining";
import { SmtpPool } from "smtp-pipelining/pool";
import { expect, test } from "vitest";
import { startMortalRelay } from "../support/relay/relay.ts";

const MESSAGES = 100_000;
const CONNECTIONS = 4;
/** Kills come as often as messages are settled, not as time passes: about one a second here. */
const A_LIFE = 5_000;

const KINDS = ["to", "to", "to", "no", "later", "spam"];

function* messages(): Generator<Message<string[]>> {
  for (let n = 0; n < MESSAGES; n++) {
    const kind = KINDS[n % KINDS.length] ?? "to";
    const to = [`${kind}${n}.a@example.net`, ...(n % 4 === 0 ? [`to${n}.b@example.net`] : [])];
    yield { from: "news@example.org", to, data: `Subject: ${n}\r\n\r\nText ${n}\r\n`, tag: to };
  }
}

test.for(["data", "chunking"] as const)(
  "100,000 messages over four connections to a relay that is killed again and again: %s",
  {
    timeout: 300_000,
  },
  async (mode) => {
    await using relay = await startMortalRelay(mode);
    const pool = new SmtpPool({
      host: relay.host,
      port: relay.port,
      connections: CONNECTIONS,
      peers: new BoundedPeerMemory(),
      backoff: { first: 5, most: 50 },
      attempts: 1_000,
    });
    const events = new Map<string, string[]>();
    const told = (fate: string) => (event: { readonly address: string }) => {
      events.set(event.address, [...(events.get(event.address) ?? []), fate]);
    };
    pool.on("recipientSucceeded", told("succeeded"));
    pool.on("recipientFailed", told("failed"));
    pool.on("recipientUnknown", told("unknown"));
    let retries = 0;
    pool.on("retry", () => {
      retries++;
    });
    const fates = new Map<string, string>();
    const connectionFailures: string[] = [];
    let settled = 0;
    let kills = 0;
    let killing = Promise.resolve();
    for await (const delivery of pool.deliver(messages())) {
      expect(delivery.recipients.map(({ address }) => address)).toEqual(delivery.tag);
      for (const result of delivery.recipients) {
        expect(fates.has(result.address)).toBe(false);
        fates.set(result.address, result.status);
        if (result.stage === "connection" && result.status === "failed")
          connectionFailures.push(result.address);
      }
      if (++settled % A_LIFE === 0 && settled < MESSAGES) {
        kills++;
        killing = killing.then(() => relay.kill());
      }
    }
    await killing;
    await pool.quit();
    expect(settled).toBe(MESSAGES);
    expect(kills).toBe(MESSAGES / A_LIFE - 1);
    expect(connectionFailures).toEqual([]);

    const accepted = await relay.accepted();
    const count = { succeeded: 0, failed: 0, unknown: 0, unknownButTaken: 0 };
    for (const [address, fate] of fates) {
      const times = accepted.get(address) ?? 0;
      if (fate === "succeeded") expect([address, times]).toEqual([address, 1]);
      if (fate === "failed") expect([address, times]).toEqual([address, 0]);
      // Never sent again: taken once at most.
      if (fate === "unknown") expect(times).toBeLessThan(2);
      if (fate === "unknown" && times === 1) count.unknownButTaken++;
      count[fate as "succeeded"]++;
      expect(events.get(address)).toEqual([fate]);
    }
    console.log(`${mode}: ${kills} kills, ${retries} resent messages,`, count);
    // The kills met messages on their way. In bursts most are through with their text, and unknown.
    expect(retries + count.unknown).toBeGreaterThan(0);
    for (const address of accepted.keys()) expect(fates.has(address)).toBe(true);
  },
);
