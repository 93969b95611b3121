import { describe, expect, test } from "vitest";
import {
  garbledGreeting,
  maximumSize,
  parseCapabilities,
  supports,
} from "../../src/protocol/capabilities.ts";
import type { Reply } from "../../src/protocol/reply.ts";

/** An EHLO reply: a greeting and these lines. */
function ehlo(...lines: string[]): Reply {
  const all = ["mx.example greets you", ...lines];
  return { code: 250, lines: all, text: all.join("\n") };
}

describe("parseCapabilities (RFC 5321 §4.1.1.1)", () => {
  test.each<[rule: string, lines: string[], expected: [string, string][]]>([
    ["none", [], []],
    ["a keyword", ["PIPELINING"], [["PIPELINING", ""]]],
    [
      "keywords in any case (§2.4)",
      ["PipeLining", "8bitmime"],
      [
        ["PIPELINING", ""],
        ["8BITMIME", ""],
      ],
    ],
    ["a parameter", ["SIZE 1000"], [["SIZE", "1000"]]],
    ["parameters keep their case", ["auth Plain LOGIN"], [["AUTH", "Plain LOGIN"]]],
    ["spaces around parameters", ["SIZE   1000  "], [["SIZE", "1000"]]],
    ["a space and no parameter", ["SIZE "], [["SIZE", ""]]],
    ["AUTH= of old servers", ["AUTH=PLAIN LOGIN"], [["AUTH", "PLAIN LOGIN"]]],
    ["AUTH in both forms", ["AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN"], [["AUTH", "PLAIN LOGIN"]]],
    ["an = within parameters", ["LIMITS MAILMAX=5 RCPTMAX=9"], [["LIMITS", "MAILMAX=5 RCPTMAX=9"]]],
    ["hyphens and digits in a keyword", ["X-9-FOO a"], [["X-9-FOO", "a"]]],
    [
      "junk lines are passed over",
      ["", " ", "-X", "*", "PIPELINING!", "A_B", "=x", "SIZE:5", "ÜBER", "DSN"],
      [["DSN", ""]],
    ],
  ])("%s", (_rule, lines, expected) => {
    expect([...parseCapabilities(ehlo(...lines))]).toEqual(expected);
  });

  test("the first line is the greeting, whatever it says", () => {
    const capabilities = parseCapabilities({ code: 250, lines: ["PIPELINING"], text: "PIPELINING" });
    expect(capabilities.size).toBe(0);
  });
});

test.each<[extension: string, expected: boolean | string]>([
  ["PIPELINING", true],
  ["pipelining", true],
  ["SIZE", "1000"],
  ["Size", "1000"],
  ["AUTH", "PLAIN LOGIN"],
  ["ZERO", "0"],
  ["CHUNKING", false],
  ["", false],
])("supports %j: %j", (extension, expected) => {
  const capabilities = parseCapabilities(ehlo("Pipelining", "SIZE 1000", "AUTH PLAIN LOGIN", "ZERO 0"));
  expect(supports(capabilities, extension)).toBe(expected);
});

describe("maximumSize (RFC 1870 §3)", () => {
  test.each<[line: string, expected: number | undefined]>([
    ["SIZE 10485760", 10_485_760],
    ["size 1", 1],
    ["SIZE 999999999999999", 999_999_999_999_999],
    ["SIZE 007", 7],
    ["DSN", undefined],
    ["SIZE", undefined],
    ["SIZE 0", undefined],
    ["SIZE 000", undefined],
    ["SIZE -1", undefined],
    ["SIZE 1e3", undefined],
    ["SIZE 0x10", undefined],
    ["SIZE 1.5", undefined],
    ["SIZE 1 2", undefined],
    ["SIZE many", undefined],
    ["SIZE 99999999999999999999", undefined],
  ])("%s: %s", (line, expected) => {
    expect(maximumSize(parseCapabilities(ehlo(line)))).toBe(expected);
  });
});

test.each([
  ["******0*2****************", true],
  ["mx.example ****", true],
  ["mx.example ESMTP", false],
  ["*** Welcome ***", false],
  ["", false],
])("garbledGreeting: 220 %s: %s", (text, expected) => {
  expect(garbledGreeting({ code: 220, lines: [text], text })).toBe(expected);
});
