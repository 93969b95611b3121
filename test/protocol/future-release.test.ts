import { describe, expect, test } from "vitest";
import { exceededHold, type Hold, holdForProblem, holdParameter } from "../../src/protocol/future-release.ts";

test.each<[Hold, string]>([
  [{ for: 3_600 }, "HOLDFOR=3600"],
  [{ until: "2030-01-31T12:00:00Z" }, "HOLDUNTIL=2030-01-31T12:00:00Z"],
])("%o is said as %s", (hold, parameter) => expect(holdParameter(hold)).toBe(parameter));

test.each([1, 86_400, 999_999_999])("HOLDFOR can be %d", (seconds) => {
  expect(holdForProblem(seconds)).toBeUndefined();
});

test.each([0, -1, 1.5, 1_000_000_000, Number.NaN, Number.POSITIVE_INFINITY])(
  "HOLDFOR can't be %d",
  (seconds) => {
    expect(holdForProblem(seconds)).toBe("it is not an integer from 1 to 999999999");
  },
);

describe("the limits that a server states", () => {
  const stated = "86400 2030-01-31T12:00:00Z";
  test.each<[string, Hold, string | undefined]>([
    [stated, { for: 86_400 }, undefined],
    [stated, { for: 86_401 }, "86400 seconds"],
    [stated, { until: "2030-01-31T12:00:00Z" }, undefined],
    [stated, { until: "2030-01-31T12:00:01Z" }, "2030-01-31T12:00:00Z"],
    [stated, { until: "2029-12-31T23:59:59Z" }, undefined],
    ["86400 2030-01-31T12:00:00.5Z", { until: "2030-01-31T12:00:00Z" }, undefined],
    ["86400 2030-01-31t12:00:00z", { until: "2030-02-01T00:00:00Z" }, "2030-01-31T12:00:00Z"],
    // What is no limit that can be understood is none: the server has its say at MAIL.
    ["", { for: 999_999_999 }, undefined],
    ["86400", { for: 86_401 }, "86400 seconds"],
    ["86400", { until: "9999-12-31T23:59:59Z" }, undefined],
    ["long", { for: 999_999_999 }, undefined],
    ["86400 2030-01-31", { until: "9999-12-31T23:59:59Z" }, undefined],
    ["86400 2030-01-31T12:00:00+01:00", { until: "9999-12-31T23:59:59Z" }, undefined],
  ])("FUTURERELEASE %s, %o", (parameters, hold, exceeded) => {
    expect(exceededHold(hold, new Map([["FUTURERELEASE", parameters]]))).toBe(exceeded);
  });
});
