import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAddresses } from "../../../src/cli/input/addresses.ts";
import { forwardPathProblem } from "../../../src/protocol/address.ts";

/** The addresses of a list; what is none stands in braces. */
function read(list: string): string[] {
  return readAddresses(list).map((entry) => entry.address ?? `{${entry.text}}`);
}

describe("the examples of RFC 5322, appendix A", () => {
  test.each([
    ['"Joe Q. Public" <john.q.public@example.com>', "john.q.public@example.com"],
    [
      "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
      "mary@x.test jdoe@example.org one@y.test",
    ],
    [
      '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
      "boss@nil.test sysservices@example.net",
    ],
    [
      "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
      "c@a.test joe@where.test jdoe@one.test",
    ],
    ["Undisclosed recipients:;", ""],
    ["Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "pete@silly.test"],
    [
      "A Group(Some people)     :Chris Jones <c@(Chris's host.)public.example>,  joe@example.org,\t" +
        "John <jdoe@one.test> (my dear friend); (the end of the group)",
      "c@public.example joe@example.org jdoe@one.test",
    ],
    ["(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", ""],
    ["Joe Q. Public <john.q.public@example.com>", "john.q.public@example.com"],
    [
      "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
      "mary@example.net jdoe@test.example",
    ],
  ])("%s", (list, addresses) => {
    expect(read(list)).toEqual(addresses === "" ? [] : addresses.split(" "));
  });
});

describe("addresses as they are written", () => {
  test.each<[string, ...string[]]>([
    ["a@example.org", "a@example.org"],
    ["  a@example.org  ", "a@example.org"],
    ["<a@example.org>", "a@example.org"],
    ["a@example.org (Ann)", "a@example.org"],
    ["(c) a@example.org", "a@example.org"],
    ["a @ example . org", "a@example.org"],
    ["joe(a (nested) comment)@example.org", "joe@example.org"],
    ["o'brien+tag=x@example.org", "o'brien+tag=x@example.org"],
    ["a@[192.0.2.1]", "a@[192.0.2.1]"],
    ["a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"],
    ["X <a@[IPv6:2001:db8::1]>, b@example.org", "a@[IPv6:2001:db8::1]", "b@example.org"],
    ["<@a.example,@b.example:joe@example.org>", "joe@example.org"],
    ["a@localhost", "a@localhost"],
    // Separators and groups as they should not be.
    ["a@example.org; b@example.org;", "a@example.org", "b@example.org"],
    ["a@example.org,,b@example.org,", "a@example.org", "b@example.org"],
    ["Friends: a@example.org, b@example.org", "a@example.org", "b@example.org"],
    [
      "One: a@example.org;, Two: b@example.org;, c@example.org",
      "a@example.org",
      "b@example.org",
      "c@example.org",
    ],
    ["One: a@example.org; Two: b@example.org;", "a@example.org", "b@example.org"],
    ["'a@example.org' <a@example.org>", "a@example.org"],
    ["a@example.org <b@example.org>", "b@example.org"],
    ["[Team] Re: x <a@example.org>", "a@example.org"],
    // Quotes stay where they are needed, RFC 5321 §4.1.2.
    ['"john doe"@example.org', '"john doe"@example.org'],
    ['X <"john doe"@example.org>', '"john doe"@example.org'],
    ['"a,b"@example.org, c@example.org', '"a,b"@example.org', "c@example.org"],
    ['"a@b"@example.org', '"a@b"@example.org'],
    ['"a\\"b\\\\c"@example.org', '"a\\"b\\\\c"@example.org'],
    ['"a.b"@example.org', "a.b@example.org"],
    ['"a".b."c d"@example.org', '"a.b.c d"@example.org'],
    ["a..b.@example.org", '"a..b."@example.org'],
    ['""@example.org', '""@example.org'],
    // A phrase is not looked into.
    ['"Doe, John" <a@example.org>', "a@example.org"],
    ['"x@example.net" <a@example.org>', "a@example.org"],
    ["=?utf-8?Q?Doe=2C_x=40example=2Enet?= <a@example.org>", "a@example.org"],
    ["=?iso-8859-1?Q?Andr=E9?= Pirard <a@example.org>", "a@example.org"],
    ["Andr\u{fffd} <a@example.org>", "a@example.org"],
    ['"Andr\u{fffd}" <a@example.org>', "a@example.org"],
    // RFC 6532.
    ["δοκιμή@παράδειγμα.example", "δοκιμή@παράδειγμα.example"],
    ["用户 <用户@例え.example>, a@example.org", "用户@例え.example", "a@example.org"],
    // The null reverse-path.
    ["<>", ""],
    ["", ...[]],
    [" , ;", ...[]],
    ["(nobody)", ...[]],
  ])("%s", (list, ...addresses) => {
    expect(read(list)).toEqual(addresses);
  });
});

describe("what is no address is kept as it stands, and costs only itself", () => {
  test.each<[string, ...string[]]>([
    ["Joe", "{Joe}"],
    ["Joe <joe>", "{Joe <joe>}"],
    ["a@example.org, broken, b@example.org", "a@example.org", "{broken}", "b@example.org"],
    ["Doe, John <a@example.org>", "{Doe}", "a@example.org"],
    ["a@example.org b@example.org", "{a@example.org b@example.org}"],
    ["John <a@example.org> <b@example.org>", "{John <a@example.org> <b@example.org>}"],
    ["x <a@example.org>y", "{x <a@example.org>y}"],
    ["joe smith@example.org", "{joe smith@example.org}"],
    ["a@b@example.org", "{a@b@example.org}"],
    ["a@example..org", "{a@example..org}"],
    ["a@example.org.", "{a@example.org.}"],
    ["@example.org", "{@example.org}"],
    ["a@", "{a@}"],
    ["andr\u{fffd}@example.org", "{andr\u{fffd}@example.org (not UTF-8)}"],
    // Without its end nothing behind it can be told apart.
    ["x@example.org, A <a@example.org, b@example.org", "x@example.org", "{A <a@example.org, b@example.org}"],
    [
      'x@example.org, "A <a@example.org>, b@example.org',
      "x@example.org",
      '{"A <a@example.org>, b@example.org}',
    ],
    ["x@example.org, (A a@example.org, b@example.org", "x@example.org", "{(A a@example.org, b@example.org}"],
    // An encoded word is no address, whatever is in it: "x <evil@example.net>".
    ["=?utf-8?B?eCA8ZXZpbEBleGFtcGxlLm5ldD4=?=", "{=?utf-8?B?eCA8ZXZpbEBleGFtcGxlLm5ldD4=?=}"],
    ['"andr\u{fffd}"@example.org', '{"andr\u{fffd}"@example.org (not UTF-8)}'],
    ["a\tb\u{7}c", "{a b c}"],
  ])("%s", (list, ...entries) => {
    expect(read(list)).toEqual(entries);
  });

  test("none of it is an address to the session either", () => {
    const list = fc
      .array(
        fc.constantFrom(
          "a",
          "b@c.d",
          "<",
          ">",
          "(",
          ")",
          '"',
          "\\",
          "[",
          "]",
          ":",
          ";",
          ",",
          "@",
          ".",
          " ",
          "é",
          "\u{fffd}",
        ),
        { maxLength: 14 },
      )
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(list, (text) => {
        for (const entry of readAddresses(text)) {
          if (entry.text === undefined) continue;
          expect(entry.text).not.toBe("");
          expect(forwardPathProblem(entry.text)).toBeDefined();
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

const LOCAL_PART = fc.oneof(
  fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,9}(\.[a-z0-9]{1,5}){0,2}$/),
  fc.stringMatching(/^[ -~]{1,12}$/),
);
const DOMAIN = fc.constantFrom(
  "example.org",
  "sub.example.net",
  "[192.0.2.1]",
  "[IPv6:2001:db8::1]",
  "παράδειγμα.example",
);
const NOISE = fc.constantFrom("", " ", "\t", "(c)", " (a (b) \\) c) ");
const PHRASE = fc.constantFrom(
  "",
  "Ann ",
  '"Doe, \\"J\\" <x@y.z>;" ',
  "=?utf-8?Q?=3Cx=40y=2Ez=3E?= ",
  "J. R. ",
);

test("any mailboxes, written in any way, are read back", () => {
  const mailbox = fc.record({
    local: LOCAL_PART,
    domain: DOMAIN,
    phrase: PHRASE,
    angle: fc.boolean(),
    noise: fc.array(NOISE, { minLength: 4, maxLength: 4 }),
  });
  fc.assert(
    fc.property(
      fc.array(mailbox, { maxLength: 5 }),
      fc.option(fc.constantFrom("Group", '"A, B"')),
      (mailboxes, group) => {
        const written = mailboxes.map(({ local, domain, phrase, angle, noise: [a, b, c, d] }) => {
          const plain = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9]+)*$/.test(local);
          const word = plain ? local : `"${local.replace(/["\\]/g, "\\$&")}"`;
          const address = `${a}${word}${b}@${c}${domain}${d}`;
          return angle || phrase !== "" ? `${phrase}<${address}>` : address;
        });
        const list = group === null ? written.join(",") : `${group}:${written.join(", ")};`;
        // In a quoted-string the quotes are no part of the local part.
        const unquoted = (address: string): string =>
          address.replace(/^"([\s\S]*)"@/, (_all, text: string) => `${text.replace(/\\([\s\S])/g, "$1")}@`);
        expect(read(list).map(unquoted)).toEqual(mailboxes.map(({ local, domain }) => `${local}@${domain}`));
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a long list takes a time in proportion to it, however it is broken", () => {
  const hostile = [
    "(".repeat(50_000),
    '"'.repeat(50_001),
    "<".repeat(50_000),
    "a ".repeat(50_000),
    "(\\".repeat(30_000),
    "a:".repeat(50_000),
  ];
  for (const list of hostile) expect(readAddresses(list).length).toBeGreaterThan(0);
}, 5_000);
