import { describe, expect, test } from "vitest";
import { type AuditOptions, WireAudit } from "../support/wire-audit.ts";

// The audit must see what it is there to see: conversations written by hand, and what is wrong with them.

const HELLO = ["S: 220 x", "C: EHLO c", "S: 250-x", "S: 250-PIPELINING", "S: 250-SIZE 20", "S: 250 CHUNKING"];
const PROBE = ["C: RSET", "C: MAIL FROM:<a@x>", "C: BDAT 6 LAST", "C: XPRB", "C: RSET"];
const PROBED = ["S: 250 reset", "S: 250 ok", "S: 503 no recipient", "S: 250 reset"];
const envelope = (n: number): string[] => [`C: MAIL FROM:<a${n}@x>`, `C: RCPT TO:<b${n}@y>`];
const text = (n: number): string[] => ["C: BDAT 8 LAST", `C: Text ${n}`];
const OK = ["S: 250 ok", "S: 250 ok"];
const QUEUED = ["S: 250 queued", "S: 250 reset"];
const FIRST = [...envelope(1), ...PROBED, ...OK, ...text(1), "C: RSET", ...QUEUED];
const BURST = [...envelope(2), ...text(2), "C: RSET", ...envelope(3), ...text(3), "C: RSET"];

/** What the audit finds; lines of the client that follow one another are one write. */
function audit(lines: readonly string[], options: Partial<AuditOptions> = {}): WireAudit {
  const wire = new WireAudit({ pipelining: "auto", ...options });
  let write = "";
  for (const line of [...HELLO, ...lines, ""]) {
    if (line.startsWith("C: ")) {
      write += `${line.slice(3)}\r\n`;
      continue;
    }
    wire.sent(write);
    write = "";
    if (line !== "") wire.received(`${line.slice(3)}\r\n`);
  }
  wire.end();
  return wire;
}

function problems(lines: readonly string[], options: Partial<AuditOptions> = {}): readonly string[] {
  return audit(lines, options).problems;
}

const STRICT = [...envelope(1), ...OK, ...text(1), "C: RSET", ...envelope(2)];

test("the strict form, the probe, the first message alone and bursts are as they should be", () => {
  const strict = [...STRICT, ...QUEUED, ...OK, ...text(2), "C: RSET", ...QUEUED, "C: QUIT"];
  expect(problems(strict, { chunking: "strict" })).toEqual([]);
  expect(problems(strict)).toEqual([]);
  const bursts = audit([...PROBE, ...FIRST, ...BURST]);
  expect(bursts.problems).toEqual([]);
  expect([bursts.bursts, bursts.followOns]).toEqual([2, 1]);
  expect([...bursts.ended.keys()]).toEqual(["b1@y", "b2@y", "b3@y"]);
  expect(problems(BURST, { bursts: "proven" })).toEqual([]);
});

test("chunks may be split as one likes, within SIZE", () => {
  const chunks = [...envelope(1), ...OK, "C: BDAT 3", "C: abcBDAT 17 LAST", `C: ${"x".repeat(15)}`];
  expect(problems([...chunks, "C: RSET"])).toEqual([]);
});

describe("what is wrong", () => {
  const cases: [problem: string, lines: readonly string[], options?: Partial<AuditOptions>][] = [
    [
      "BDAT, and CHUNKING is not offered",
      ["C: EHLO c", "S: 250-x", "S: 250 PIPELINING", ...envelope(1), ...OK, ...text(1)],
    ],
    ['BDAT with chunking "off"', [...envelope(1), ...OK, ...text(1)], { chunking: "off" }],
    ["BDAT without MAIL", [...envelope(1), ...OK, ...text(1), "S: 250 queued", ...text(2)]],
    [
      "wrote MAIL without RSET though a transaction may be open",
      [...envelope(1), ...OK, ...text(1), "S: 250 queued", "C: MAIL FROM:<a2@x>"],
    ],
    [
      "wrote MAIL without RSET though a transaction may be open",
      [...envelope(1), ...OK, ...text(1), "S: 554 no", "C: MAIL FROM:<a2@x>"],
    ],
    ["MAIL behind LAST, where RSET is due", [...envelope(1), ...OK, ...text(1), ...envelope(2)]],
    [
      "chunks beyond SIZE",
      [...envelope(1), ...OK, "C: BDAT 3", "C: abcBDAT 18 LAST", `C: ${"x".repeat(16)}`],
    ],
    ["BDAT before the replies to its envelope", [...envelope(1), ...text(1)]],
    ["BDAT before the replies to its envelope", BURST, { chunking: "strict", bursts: "proven" }],
    ["BDAT before the replies to its envelope", [...PROBE, ...envelope(1), ...text(1)]],
    [
      "the first message is not alone",
      [...PROBE, ...envelope(1), ...PROBED, ...OK, ...text(1), "C: RSET", ...envelope(2)],
    ],
    ["wrote a text that nobody may receive", [...envelope(1), "S: 250 ok", "S: 550 no", ...text(1)]],
    ["wrote a text that nobody may receive", [...envelope(1), "S: 550 no", "S: 250 ok", ...text(1)]],
    [
      "a chunk behind one that was refused",
      [...envelope(1), ...OK, "C: BDAT 3", "C: a", "S: 452 full", "C: BDAT 3 LAST", "C: b"],
    ],
    ["RSET between two chunks", [...envelope(1), ...OK, "C: BDAT 3", "C: a", "S: 250 ok", "C: RSET"]],
    ["NOOP between two chunks", [...envelope(1), ...OK, "C: BDAT 3", "C: a", "S: 250 ok", "C: NOOP"]],
    ['wrote "." as a command', [...envelope(1), ...OK, "C: BDAT 3 LAST", "C: a", "C: ."]],
    ["BDAT without RCPT, and no probe", ["C: RSET", "C: MAIL FROM:<a@x>", "C: BDAT 6 LAST", "C: abcd"]],
    ["a second probe", [...PROBE, ...PROBED, ...PROBE]],
    ["a probe that is no group of its own", [...envelope(1), ...PROBE]],
    ["a probe of a peer that is known", PROBE, { bursts: "proven" }],
    ["a probe where none is due", PROBE, { chunking: "strict" }],
    [
      "BDAT to a peer unfit for it",
      [...PROBE, ...envelope(1), ...PROBED.with(1, "S: 550 no"), ...OK, ...text(1)],
    ],
    [
      "BDAT to a peer unfit for it",
      [...PROBE, ...envelope(1), ...PROBED.with(3, "S: 250 ok"), ...OK, ...text(1)],
    ],
    ["BDAT to a peer unfit for it", [...envelope(1), ...OK, ...text(1)], { bursts: "unfit" }],
    ["RSET behind an unanswered BDAT", [...envelope(1), ...OK, ...text(1), "C: RSET"], { lmtp: true }],
    [
      'a follow-on with pipelining "transaction"',
      [...envelope(1), ...OK, ...text(1), "C: RSET", ...envelope(2)],
      { pipelining: "transaction" },
    ],
  ];
  test.each(cases)("%s", (problem, lines, options) => {
    const spoken = options?.lmtp ? ["C: LHLO c", "S: 250-x", "S: 250-PIPELINING", "S: 250 CHUNKING"] : [];
    expect(problems([...spoken, ...lines], options)).toContain(problem);
  });
});

test("LAST answered in the words of RSET: one message at a time behind its replies, no burst", () => {
  const alike = [...PROBE, ...FIRST.slice(0, -2), "S: 250 reset", "S: 250 reset"];
  expect(problems([...alike, ...envelope(2), ...OK, ...text(2), "C: RSET"])).toEqual([]);
  expect(problems([...alike, ...BURST])).toContain("BDAT before the replies to its envelope");
});

test("nothing is written behind replies that show that the two sides have lost step", () => {
  const burst = [...PROBE, ...FIRST, ...BURST, ...OK];
  const more = envelope(4);
  const other = [...burst, "S: 250 queued", "S: 250 other words", ...more];
  expect(problems(other)).toEqual(["wrote after a RSET in other words"]);
  const twice = [...burst, "S: 250 queued", "S: 250 queued", ...more];
  expect(problems(twice)).toEqual(["wrote after a RSET in other words"]);
  const alike = [...burst, "S: 250 reset", ...more];
  expect(problems(alike)).toEqual(["wrote after a LAST answered in the words of RSET"]);
  const refused = [...PROBE, ...FIRST, ...BURST, "S: 550 no", "S: 250 ok", "S: 250 queued", ...more];
  expect(problems(refused)).toEqual(["wrote after a text taken whose MAIL was refused"]);
});

test("a connection that ends with a 421 excuses what was written behind it, and octets behind it do not", () => {
  const burst = [...PROBE, ...FIRST, ...BURST, ...OK, ...QUEUED];
  expect([...audit([...burst, "S: 421 bye"]).excused.keys()]).toEqual(["b3@y"]);
  expect([...audit([...burst, "S: 421 bye", "S: 250 ok"]).excused.keys()]).toEqual([]);
  expect([...audit(burst).excused.keys()]).toEqual([]);
  expect([...audit([...burst, "S: 250 ok", "S: 550 no"]).excused.keys()]).toEqual(["b3@y"]);
});
