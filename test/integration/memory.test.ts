import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Message } from "smtp-pipelining";
import { expect, test } from "vitest";
import { startTestServer } from "../support/embedded-server.ts";

const MESSAGES = 10_000;
const MEASURED_AT = [2_500, 5_000, 7_500, 10_000];
/** What every message brings along and must not leave behind: its text and its tag. */
const TEXT_OCTETS = 2_000;
/**
 * Octets by which the heap, and what Buffers hold outside it, may grow between the first and any later measurement,
 * over up to 7,500 messages. A group kept of each would be more than 1,500 octets a message, a delivery with its tag
 * more than 2,000, a text 2,000: each 8 MB or more. What is in flight comes and goes by a few MB.
 */
const BOUND = { heapUsed: 2_000_000, external: 9_000_000 };

test("10,000 messages in one session leave the heap flat", { timeout: 120_000 }, async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const used = (): { heapUsed: number; external: number } => {
    collectGarbage();
    return process.memoryUsage();
  };

  const server = await startTestServer({
    record: false,
    refusal: (address) => (address.startsWith("no-") ? { code: 550, text: "no" } : undefined),
  });
  await using session = server.session();
  let groups = 0;
  session.on("groupEnd", ({ group }) => {
    groups += group.exchanges.length > 0 ? 1 : 0;
  });
  function* source(): Generator<Message<{ n: number; ballast: string[] }>> {
    for (let n = 0; n < MESSAGES; n++) {
      yield {
        from: "from@example.org",
        to: [`to-${n}@example.net`, `no-${n}@example.net`],
        data: Buffer.alloc(TEXT_OCTETS, `N: ${n}\r\n`),
        tag: { n, ballast: Array.from({ length: 50 }, (_, i) => `${n}-${i}`) },
      };
    }
  }

  let succeeded = 0;
  let failed = 0;
  let delivered = 0;
  const sizes: { heapUsed: number; external: number }[] = [];
  for await (const delivery of session.deliver(source())) {
    succeeded += delivery.succeeded.length;
    failed += delivery.failed.length;
    if (MEASURED_AT.includes(++delivered)) sizes.push(used());
  }

  expect({ delivered, succeeded, failed }).toEqual({
    delivered: MESSAGES,
    succeeded: MESSAGES,
    failed: MESSAGES,
  });
  expect(groups).toBeGreaterThan(MESSAGES);
  expect(sizes.length).toBe(MEASURED_AT.length);
  const [first = { heapUsed: 0, external: 0 }] = sizes;
  for (const { heapUsed, external } of sizes) {
    expect(heapUsed - first.heapUsed).toBeLessThan(BOUND.heapUsed);
    expect(external - first.external).toBeLessThan(BOUND.external);
  }
});
