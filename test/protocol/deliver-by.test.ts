import { describe, expect, test } from "vitest";
import {
  type DeliverBy,
  deliverByProblem,
  deliverByValue,
  minimumDeliverBy,
} from "../../src/protocol/deliver-by.ts";

test.each<[DeliverBy, string]>([
  [{ seconds: 120, mode: "R" }, "120;R"], // RFC 2852 §4
  [{ seconds: 120, mode: "R", trace: true }, "120;RT"],
  [{ seconds: 120, mode: "N", trace: false }, "120;N"],
  [{ seconds: 0, mode: "N" }, "0;N"],
  [{ seconds: -0, mode: "N" }, "0;N"],
  [{ seconds: -55, mode: "N", trace: true }, "-55;NT"],
  [{ seconds: 999_999_999, mode: "R" }, "999999999;R"],
])("%o is said as %s", (given, value) => {
  expect(deliverByProblem(given)).toBeUndefined();
  expect(deliverByValue(given)).toBe(value);
});

describe("what is unfit", () => {
  const digits = "it is not an integer of at most nine digits";
  const over = "with mode R it must be at least 1";
  test.each<[DeliverBy, string]>([
    [{ seconds: 0, mode: "R" }, over],
    [{ seconds: -1, mode: "R" }, over],
    [{ seconds: 1_000_000_000, mode: "R" }, digits],
    [{ seconds: -1_000_000_000, mode: "N" }, digits],
    [{ seconds: 1.5, mode: "N" }, digits],
    [{ seconds: Number.NaN, mode: "N" }, digits],
    [{ seconds: Number.POSITIVE_INFINITY, mode: "R" }, digits],
  ])("%o", (given, problem) => expect(deliverByProblem(given)).toBe(problem));
});

test.each([
  ["", 0],
  ["600", 600],
  ["240,SOMETHING", 240], // §2: a list, of which only the first is known
  ["SOMETHING", 0],
  ["-5", 0],
  ["1234567890", 0],
])("DELIVERBY %j: the least is %i", (parameters, least) => {
  expect(minimumDeliverBy(new Map([["DELIVERBY", parameters]]))).toBe(least);
});
