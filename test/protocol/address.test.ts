import { describe, expect, test } from "vitest";
import {
  domainOrLiteral,
  forwardPathProblem,
  hasControlCharacter,
  isAscii,
  reversePathProblem,
} from "../../src/protocol/address.ts";

/** C0, DEL and C1. */
const CONTROLS: number[] = [
  ...Array.from({ length: 0x20 }, (_, i) => i),
  ...Array.from({ length: 0x21 }, (_, i) => 0x7f + i),
];
const hex = (code: number): string => `U+${code.toString(16).padStart(4, "0")}`;

const D63 = "d".repeat(63);

describe("a mailbox (RFC 5321 §4.1.2)", () => {
  test.each([
    ["a dot-string", "john.q.public@example.com"],
    ["one octet and a top-level domain", "a@b"],
    ["each atext character", "!#$%&'*+-/=?^_`{|}~09azAZ@example.com"],
    ["a domain of digits", "a@163.com"],
    ["hyphens within a label", "a@x--y.xn--bcher-kva.example"],
    ["an underscore in a domain, as hosts have them", "a@_dmarc.my_host.example"],
    ["a quoted-string", '"john public"@example.com'],
    ["an empty quoted-string", '""@example.com'],
    ["a quoted-string with @, dots, brackets and a comma", '".a..@b,<c>;:[]()"@example.com'],
    ["quoted pairs", '"a\\"b\\\\c\\ d\\e"@example.com'],
    ["an IPv4 literal (§4.1.3)", "a@[192.0.2.1]"],
    ["an IPv6 literal (§4.1.3)", "a@[IPv6:2001:db8::1]"],
    ["a general address literal (§4.1.3)", "a@[x-net:3!4]"],
    ["a quoted-string at an address literal", '"a b"@[192.0.2.1]'],
    ["non-ASCII in the local-part (RFC 6531 §3.3)", "grüße.日本@example.com"],
    ["non-ASCII in the domain (RFC 6531 §3.3)", "a@bücher.日本"],
    ["non-ASCII in a quoted-string (RFC 6531 §3.3)", '"grüße 日本"@example.com'],
    ["beyond the Basic Multilingual Plane", "📬@example.com"],
    ["a local-part of 64 octets (§4.5.3.1.1)", `${"a".repeat(64)}@example.com`],
    ["a local-part of 64 octets in UTF-8", `${"ü".repeat(32)}@example.com`],
    ["a label of 63 (RFC 1035 §2.3.4)", `a@${D63}.example`],
    ["254 octets, 256 with brackets (§4.5.3.1.3)", `${"a".repeat(64)}@${D63}.${D63}.${"d".repeat(61)}`],
  ])("%s", (_rule, address) => {
    expect(forwardPathProblem(address)).toBeUndefined();
    expect(reversePathProblem(address)).toBeUndefined();
  });

  const localPart = "its local-part is neither a dot-string nor a quoted-string";
  const domain = "its domain is neither a domain name nor an address literal";
  const brackets = "it has angle brackets; give the bare address";
  const unicode = "it is not well-formed Unicode";

  test.each([
    ["no @", "example.com", "it has no @"],
    ["only @", "@", localPart],
    ["no local-part", "@example.com", localPart],
    ["no domain", "a@", domain],
    ["a dot first", ".a@example.com", localPart],
    ["a dot last", "a.@example.com", localPart],
    ["two dots in the local-part", "a..b@example.com", localPart],
    ["a space in the local-part", "a b@example.com", localPart],
    ["a space before", " a@example.com", localPart],
    ["a space behind", "a@example.com ", domain],
    ["a space alone for a local-part", " @example.com", localPart],
    ["a second @", "a@b@example.com", localPart],
    ["a source route (appendix C)", "@relay.example:a@example.com", localPart],
    ["a comma: two addresses", "a,b@example.com", localPart],
    ["a comment", "a(b)@example.com", localPart],
    ["a quote never closed", '"a@example.com', localPart],
    ["a quote never opened", 'a"@example.com', localPart],
    ["a quote in the middle", 'a"b"c@example.com', localPart],
    ["a quoted-string that ends twice", '"a"b"@example.com', localPart],
    ["a backslash that escapes the closing quote", '"a\\"@example.com', localPart],
    ["a backslash outside quotes", "a\\b@example.com", localPart],
    ["a quoted pair of non-ASCII (RFC 6531 §3.3 extends qtext alone)", '"\\ü"@example.com', localPart],
    ["a name before the address", '"A" <a@example.com>', localPart],
    ["a parameter behind the address", "a@example.com SIZE=1", domain],
    ["angle brackets around it", "<a@example.com>", brackets],
    ["an angle bracket that ends the path", "a@example.com>", brackets],
    ["an angle bracket in the local-part", "a<b@example.com", brackets],
    ["an angle bracket in an address literal", "a@[x:>]", brackets],
    ["an angle bracket in an address literal behind a quoted-string", '"a"@[x:>]', domain],
    ["an angle bracket in a domain behind a quoted-string", '"a"@example.com>', domain],
    ["two dots in the domain", "a@example..com", domain],
    ["a dot before the domain", "a@.example.com", domain],
    ["a dot behind the domain", "a@example.com.", domain],
    ["a hyphen at the start of a label", "a@-b.example", domain],
    ["a hyphen at the end of a label", "a@b-.example", domain],
    ["a hyphen for a label", "a@-.example", domain],
    ["a domain with a colon", "a@example.com:25", domain],
    ["an address literal never closed", "a@[192.0.2.1", domain],
    ["an empty address literal", "a@[]", domain],
    ["an address literal with a space", "a@[192.0.2.1 ]", domain],
    ["an address literal within another", "a@[[192.0.2.1]]", domain],
    ["an address literal and more", "a@[192.0.2.1].example", domain],
    ["an address literal with non-ASCII", "a@[ü]", domain],
    ["a label of 64 (RFC 1035 §2.3.4)", `a@${D63}d.example`, domain],
    [
      "a local-part of 65 octets (§4.5.3.1.1)",
      `${"a".repeat(65)}@example.com`,
      "its local-part is longer than 64 octets",
    ],
    [
      "a local-part of 65 octets in UTF-8",
      `${"ü".repeat(32)}a@example.com`,
      "its local-part is longer than 64 octets",
    ],
    [
      "a domain of 256 octets (§4.5.3.1.2)",
      `a@${D63}.${D63}.${D63}.${"d".repeat(62)}.d`,
      "its domain is longer than 255 octets",
    ],
    [
      "a domain of 255: its path is too long",
      `a@${D63}.${D63}.${D63}.${D63}`,
      "it is longer than 254 octets",
    ],
    [
      "255 octets, 257 with brackets (§4.5.3.1.3)",
      `${"a".repeat(64)}@${D63}.${D63}.${"d".repeat(62)}`,
      "it is longer than 254 octets",
    ],
    ["half a surrogate pair in the local-part", "a\ud83d@example.com", unicode],
    ["the other half in the domain", "a@b\udcec.example", unicode],
    ["halves in the wrong order", "\udcec\ud83d@example.com", unicode],
    ["half a surrogate pair in a quoted-string", '"\ud83d"@example.com', unicode],
  ])("not with %s", (_rule, address, problem) => {
    expect(forwardPathProblem(address)).toBe(problem);
    expect(reversePathProblem(address)).toBe(problem);
  });

  test.each(CONTROLS.map((code): [string, string] => [hex(code), String.fromCharCode(code)]))(
    "not with the control character %s, wherever it stands",
    (_name, control) => {
      for (const address of [
        `a${control}b@example.com`,
        `"a${control}b"@example.com`,
        `"a\\${control}b"@example.com`,
        `a@exam${control}ple.com`,
        `a@[192.0${control}.2.1]`,
        `${control}a@example.com`,
        `a@example.com${control}`,
        control,
        `postmaster${control}`,
      ]) {
        expect(forwardPathProblem(address), JSON.stringify(address)).toBe("it has a control character");
        expect(reversePathProblem(address), JSON.stringify(address)).toBe("it has a control character");
      }
    },
  );

  test("a very long address is refused for its length, before its syntax is looked at", () => {
    const long = `"${"\\a".repeat(500_000)}@${"a-".repeat(500_000)}.example`;
    expect(forwardPathProblem(long)).toBe("its local-part is longer than 64 octets");
  });
});

describe("special paths", () => {
  test.each(["postmaster", "Postmaster", "POSTMASTER"])("RCPT TO:<%s> (§4.1.1.3)", (address) => {
    expect(forwardPathProblem(address)).toBeUndefined();
    expect(reversePathProblem(address)).toBe("it has no @");
  });

  test.each(["postmasters", "the postmaster", "postmaster "])("not RCPT TO:<%s>", (address) => {
    expect(forwardPathProblem(address)).toBe("it has no @");
  });

  test("the null reverse-path is for MAIL alone (§4.5.5)", () => {
    expect(reversePathProblem("")).toBeUndefined();
    expect(forwardPathProblem("")).toBe("it is empty");
  });
});

describe("characters", () => {
  test("control characters are C0, DEL and C1, no others", () => {
    const found = Array.from({ length: 0x10000 }, (_, code) => code).filter((code) =>
      hasControlCharacter(`a${String.fromCharCode(code)}b`),
    );
    expect(found).toEqual(CONTROLS);
    expect(hasControlCharacter("")).toBe(false);
  });

  test.each([
    ["", true],
    ["a b\r\n\0\x7f", true],
    ["\x80", false],
    ["aü", false],
    ["📬", false],
  ])("isAscii(%j) is %s", (text, expected) => {
    expect(isAscii(text)).toBe(expected);
  });
});

test.each([
  ["localhost", true],
  ["mx.example.com", true],
  ["a.b-c.d_e.f9", true],
  ["[127.0.0.1]", true],
  ["[IPv6:::1]", true],
  ["bücher.example", true],
  ["", false],
  [".", false],
  ["a.", false],
  [".a", false],
  ["a b", false],
  ["-a", false],
  ["a-", false],
  ["127.0.0.1]", false],
  ["[127.0.0.1", false],
  ["[]", false],
  ["[a\\b]", false],
  ["[a<b]", false],
  ["[a>b]", false],
  ["a\r\nb", false],
])("domainOrLiteral(%j) is %s", (text, expected) => {
  expect(domainOrLiteral(text)).toBe(expected);
});
