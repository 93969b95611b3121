import { expect, test } from "vitest";
import { retryDelay } from "../../src/worker/retry.ts";

const RETRIES = { delay: 1_000, factor: 3, maxDelay: 10_000, jitter: 0, maxAge: 1e9 };

test("waits grow by the factor, up to the longest", () => {
  expect([1, 2, 3, 4, 5, 100].map((tries) => retryDelay(RETRIES, tries, 1))).toEqual([
    1_000, 3_000, 9_000, 10_000, 10_000, 10_000,
  ]);
});

test("chance takes off at most the part that is left to it", () => {
  const jittered = { ...RETRIES, jitter: 0.25 };
  expect([0, 0.5, 1].map((chance) => retryDelay(jittered, 1, chance))).toEqual([1_000, 875, 750]);
  const drawn = Array.from({ length: 100 }, () => retryDelay(jittered, 1));
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(750);
  expect(Math.max(...drawn)).toBeLessThanOrEqual(1_000);
  expect(new Set(drawn).size).toBeGreaterThan(10);
});
