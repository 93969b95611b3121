import fc from "fast-check";
import { expect, test } from "vitest";
import { Pacing } from "../../src/pool/pacing.ts";

const START = 1_700_000_000_000;

/** Sends as fast as it may for so long; returns when each message went: milliseconds from the start. */
function sendFor(pacing: Pacing, from: number, milliseconds: number, recipients = 1): number[] {
  const times: number[] = [];
  let now = from;
  while (now < from + milliseconds && times.length < 100_000) {
    const delay = pacing.delay(now, recipients);
    if (delay > 0) now += delay;
    else {
      pacing.sent(now, recipients);
      times.push(now - START);
    }
  }
  return times;
}

test("10 messages a second: ten at once, then one each 100 ms", () => {
  const pacing = new Pacing({ messages: 10 }, true);
  const times = sendFor(pacing, START, 1_000);
  expect(times.slice(0, 11)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100]);
  expect(times.length).toBe(19);
});

test("recipients are counted, and a message of more than a second's worth goes when it may, and is paid for", () => {
  const pacing = new Pacing({ recipients: 50 }, true);
  expect(pacing.delay(START, 200)).toBe(0);
  pacing.sent(START, 200);
  expect(pacing.delay(START, 1)).toBe(3_020);
});

test("never more than the rate and its burst, in any second", () => {
  fc.assert(
    fc.property(
      fc.record({ messages: fc.integer({ min: 1, max: 200 }), burst: fc.integer({ min: 1, max: 5 }) }),
      fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 6 }),
      ({ messages, burst }, pauses) => {
        const pacing = new Pacing({ messages, burst }, true);
        const times: number[] = [];
        let at = START;
        for (const pause of pauses) {
          at += pause;
          times.push(...sendFor(pacing, at, 1_500));
          at += 1_500;
        }
        times.forEach((time, i) => {
          const within = times.slice(i).filter((each) => each < time + 1_000).length;
          expect(within).toBeLessThanOrEqual(messages * burst + messages);
        });
      },
    ),
  );
});

test("a complaint makes a pause and halves the pace; what is served raises it again, until there is no limit", () => {
  const pacing = new Pacing(undefined, true);
  for (let i = 0; i < 1_000; i++) pacing.sent(START + i * 10, 1);
  const now = START + 10_000;
  expect(pacing.answered(now, "rate-limit")).toBe("slowed");
  expect(pacing.delay(now, 1)).toBe(1_000);
  const slowed = pacing.limit ?? Number.NaN;
  expect(slowed).toBeGreaterThan(20);
  expect(slowed).toBeLessThan(55);
  // Those under way complain of the same.
  expect(pacing.answered(now + 5, "rate-limit")).toBeUndefined();
  expect(pacing.limit).toBe(slowed);
  let at = now + 1_000;
  let served = 0;
  for (;;) {
    const delay = pacing.delay(at, 1);
    at += delay;
    pacing.sent(at, 1);
    served++;
    if (pacing.answered(at, "served") === "freed") break;
    expect(served).toBeLessThan(10_000);
  }
  expect(pacing.limit).toBeUndefined();
  expect(pacing.delay(at, 1)).toBe(0);
});

test("complaint upon complaint: longer pauses, bounded, and still some mail", () => {
  const pacing = new Pacing(undefined, true);
  let now = START;
  const pauses: number[] = [];
  for (let i = 0; i < 20; i++) {
    const delay = pacing.delay(now, 1);
    pauses.push(delay);
    now += delay;
    pacing.sent(now, 1);
    pacing.answered(now, "rate-limit");
  }
  expect(pauses.slice(0, 4)).toEqual([0, 1_000, 2_000, 4_000]);
  expect(Math.max(...pauses)).toBe(300_000);
  expect(pacing.limit).toBeGreaterThan(0);
});

test("how long the server asks to wait is heeded", () => {
  const pacing = new Pacing(undefined, true);
  pacing.sent(START, 1);
  pacing.answered(START, "rate-limit", 60_000);
  expect(pacing.delay(START, 1)).toBe(60_000);
});

test("greylisting concerns recipients; only where nearly all are greylisted it is the sender", () => {
  const some = new Pacing(undefined, true);
  for (let i = 0; i < 1_000; i++) {
    expect(some.answered(START + i, i % 3 === 0 ? "greylisted" : "served")).toBeUndefined();
  }
  const all = new Pacing(undefined, true);
  const changes = Array.from({ length: 100 }, (_, i) => all.answered(START + i, "greylisted"));
  expect(changes.indexOf("slowed")).toBe(19);
});

test("without pacing complaints change nothing", () => {
  const pacing = new Pacing(undefined, false);
  pacing.answered(START, "rate-limit", 60_000);
  expect([pacing.delay(START, 1), pacing.limit]).toEqual([0, undefined]);
});

test("whatever is answered, delays are finite, not negative, and no longer than five minutes and a message", () => {
  const signal = fc.constantFrom("served" as const, "rate-limit" as const, "greylisted" as const);
  const step = fc.record({
    signal,
    after: fc.integer({ min: 0, max: 1e9 }),
    pass: fc.integer({ min: 0, max: 1e6 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pacing = new Pacing(undefined, true);
      let now = START;
      for (const { signal, after, pass } of steps) {
        const delay = pacing.delay(now, 1);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(310_000);
        now += delay + pass;
        pacing.sent(now, 1);
        pacing.answered(now, signal, after);
      }
    }),
  );
});
