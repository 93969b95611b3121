import { describe, expect, test } from "vitest";
import { dsnOfMail, dsnOfRcpt, envidProblem, orcptProblem } from "../../src/protocol/dsn.ts";

describe("parameters as they are sent", () => {
  const mail: readonly [Parameters<typeof dsnOfMail>[0], string][] = [
    [{}, ""],
    [{ ret: "HDRS" }, " RET=HDRS"],
    [{ envid: "QQ314159" }, " ENVID=QQ314159"], // RFC 3461 §10
    [{ ret: "FULL", envid: "a+b=c d~!" }, " RET=FULL ENVID=a+2Bb+3Dc+20d~!"],
  ];
  test.each(mail)("MAIL %o", (given, line) => expect(dsnOfMail(given)).toBe(line));

  const rcpt: readonly [Parameters<typeof dsnOfRcpt>[0], string][] = [
    [{}, ""],
    [{ notify: "NEVER" }, " NOTIFY=NEVER"],
    [{ notify: ["SUCCESS"] }, " NOTIFY=SUCCESS"],
    [{ notify: ["FAILURE", "DELAY"] }, " NOTIFY=FAILURE,DELAY"],
    [{ orcpt: "rfc822;Bob@Example.COM" }, " ORCPT=rfc822;Bob@Example.COM"], // RFC 3461 §10
    [{ orcpt: "Bob@Example.COM" }, " ORCPT=rfc822;Bob@Example.COM"],
    [{ orcpt: "bob+tag@example.com" }, " ORCPT=rfc822;bob+2Btag@example.com"],
    [{ orcpt: "x400;/C=de/ S=a b/" }, " ORCPT=x400;/C+3Dde/+20S+3Da+20b/"],
    [{ orcpt: '"a;b"@example.com' }, ' ORCPT=rfc822;"a;b"@example.com'],
    [{ notify: "NEVER", orcpt: "a@b.example" }, " NOTIFY=NEVER ORCPT=rfc822;a@b.example"],
  ];
  test.each(rcpt)("RCPT %o", (given, line) => expect(dsnOfRcpt(given)).toBe(line));
});

describe("what is unfit", () => {
  const envids: readonly [string, RegExp | undefined][] = [
    ["x".repeat(100), undefined],
    ["with space", undefined],
    ["", /empty/],
    ["a\r\nRCPT TO:<x@y>", /control character/],
    ["a\0", /control character/],
    ["é", /beyond ASCII/],
    ["x".repeat(101), /longer than 100/],
    [`${"+".repeat(33)}x`, undefined], // 100 as xtext
    [`${"+".repeat(33)}xx`, /longer than 100/],
  ];
  test.each(envids)("ENVID %j", (envid, problem) => {
    if (problem === undefined) expect(envidProblem(envid)).toBeUndefined();
    else expect(envidProblem(envid)).toMatch(problem);
  });

  const orcpts: readonly [string, RegExp | undefined][] = [
    ["a@example.org", undefined],
    ["rfc822;a@example.org", undefined],
    ["", /no address/],
    ["rfc822;", /no address/],
    [";a@example.org", /no address/],
    ["a@example.org\nDATA", /control character/],
    ["ü@example.org", /beyond ASCII/],
    [`${"x".repeat(493)}`, undefined], // 500 with "rfc822;"
    [`${"x".repeat(494)}`, /longer than 500/],
    [`${"+".repeat(165)}`, /longer than 500/], // as xtext three times as long
  ];
  test.each(orcpts)("ORCPT %j", (orcpt, problem) => {
    if (problem === undefined) expect(orcptProblem(orcpt)).toBeUndefined();
    else expect(orcptProblem(orcpt)).toMatch(problem);
  });
});
