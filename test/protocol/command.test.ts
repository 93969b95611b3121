import { describe, expect, test } from "vitest";
import {
  argumentProblem,
  commandProblem,
  type MailParameters,
  mailLine,
  nameProblem,
  priorityProblem,
  rcptLine,
  verbOf,
} from "../../src/protocol/command.ts";
import { envidProblem } from "../../src/protocol/dsn.ts";

const CONTROLS: [name: string, control: string][] = [
  ["CR", "\r"],
  ["LF", "\n"],
  ["CRLF", "\r\n"],
  ["NUL", "\0"],
  ["HT", "\t"],
  ["ESC", "\x1b"],
  ["DEL", "\x7f"],
  ["U+0080", "\x80"],
  ["NEL, U+0085", "\x85"],
  ["U+009F", "\x9f"],
];

describe("MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3)", () => {
  test.each<[string, MailParameters | undefined, string]>([
    ["a@example.com", undefined, "MAIL FROM:<a@example.com>"],
    ["a@example.com", {}, "MAIL FROM:<a@example.com>"],
    ["", {}, "MAIL FROM:<>"],
    ["a@b", { size: 1234 }, "MAIL FROM:<a@b> SIZE=1234"],
    ["a@b", { size: 0 }, "MAIL FROM:<a@b> SIZE=0"],
    ["a@b", { body: "8BITMIME" }, "MAIL FROM:<a@b> BODY=8BITMIME"],
    ["a@b", { body: "7BIT" }, "MAIL FROM:<a@b> BODY=7BIT"],
    ["a@b", { body: "8BITMIME", size: 5 }, "MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME"],
    ["a@b", { body: undefined, size: undefined }, "MAIL FROM:<a@b>"],
    ['"a b"@[192.0.2.1]', {}, 'MAIL FROM:<"a b"@[192.0.2.1]>'],
    ["ü@b", { smtputf8: true }, "MAIL FROM:<ü@b> SMTPUTF8"],
    ["a@b", { smtputf8: false, requireTls: false }, "MAIL FROM:<a@b>"],
    ["a@b", { requireTls: true }, "MAIL FROM:<a@b> REQUIRETLS"],
    ["a@b", { deliverBy: { seconds: 120, mode: "R" } }, "MAIL FROM:<a@b> BY=120;R"],
    ["a@b", { mtPriority: 0 }, "MAIL FROM:<a@b> MT-PRIORITY=0"],
    ["a@b", { mtPriority: -9 }, "MAIL FROM:<a@b> MT-PRIORITY=-9"],
    ["a@b", { hold: { for: 60 } }, "MAIL FROM:<a@b> HOLDFOR=60"],
  ])("MAIL of %j with %j", (reversePath, parameters, expected) => {
    expect(mailLine(reversePath, parameters)).toBe(expected);
  });

  const D63 = "d".repeat(63);
  const longest = `${"a".repeat(64)}@${D63}.${D63}.${"d".repeat(61)}`;

  test("MAIL with every parameter at its longest is within the 512 octets of RFC 5321 §4.5.3.1.4", () => {
    const envid = `${"+".repeat(33)}x`;
    expect(envidProblem(envid)).toBeUndefined();
    const line = mailLine(longest, {
      size: Number.MAX_SAFE_INTEGER,
      body: "8BITMIME",
      smtputf8: true,
      requireTls: true,
      dsn: { ret: "FULL", envid },
      deliverBy: { seconds: -999_999_999, mode: "N", trace: true },
      mtPriority: -9,
      hold: { until: "9999-12-31T23:59:59Z" },
    });
    expect(line.length + 2).toBeLessThanOrEqual(512);
    const parameters = line.slice(line.indexOf(">") + 1).matchAll(/ ([A-Z\d-]+)(?:=\S*)?/g);
    // None is longer than what its RFC adds: 1870, 6152, 6531, 8689, 2852, 6710, 4865.
    expect(Object.fromEntries([...parameters].map(([whole, keyword]) => [keyword, whole.length]))).toEqual({
      SIZE: 22, // of 26
      BODY: 14, // of 17
      SMTPUTF8: 9, // of 10
      REQUIRETLS: 11,
      RET: 9,
      ENVID: 107,
      BY: 17, // of 17
      "MT-PRIORITY": 15, // of 15
      HOLDUNTIL: 31, // of 34
    });
  });

  test("the longest RCPT is within what RFC 3461 allows: 500 more", () => {
    const orcpt = `rfc822;${"o".repeat(493)}`;
    const line = rcptLine(longest, { notify: ["SUCCESS", "FAILURE", "DELAY"], orcpt });
    expect(line.length + 2).toBeLessThanOrEqual(512 + 500);
  });

  test.each([-9, 0, 9])("a priority can be %d", (priority) => {
    expect(priorityProblem(priority)).toBeUndefined();
  });

  test.each([-10, 10, 1.5, Number.NaN])("a priority can't be %d", (priority) => {
    expect(priorityProblem(priority)).toBe("it is not an integer from -9 to 9");
  });

  test.each([
    ["b@example.com", "RCPT TO:<b@example.com>"],
    ["Postmaster", "RCPT TO:<Postmaster>"],
  ])("RCPT of %j", (forwardPath, expected) => {
    expect(rcptLine(forwardPath)).toBe(expected);
  });
});

test.each([
  ["MAIL FROM:<a@b>", "MAIL"],
  ["noop", "NOOP"],
  ["vRfY a", "VRFY"],
  ["HELP\tme", "HELP"],
  ["", ""],
  [" NOOP", ""],
])("verbOf(%j) is %j", (line, expected) => {
  expect(verbOf(line)).toBe(expected);
});

describe("an argument", () => {
  test.each(["a", "a b", "x=y;z", "~!@#$%^&*()"])("can be %j", (text) => {
    expect(argumentProblem(text)).toBeUndefined();
  });

  test.each([
    ["", "it is empty"],
    ["   ", "it is empty"],
    ["ü", "it has characters beyond ASCII"],
    ["a\u2028b", "it has characters beyond ASCII"],
  ])("can't be %j", (text, problem) => {
    expect(argumentProblem(text)).toBe(problem);
  });

  test.each(CONTROLS)("can't hold the control character %s", (_name, control) => {
    for (const text of [`a${control}b`, `${control}a`, `a${control}`]) {
      expect(argumentProblem(text), JSON.stringify(text)).toBe("it has a control character");
    }
  });
});

describe("the name in EHLO (RFC 5321 §4.1.1.1)", () => {
  const D63 = "d".repeat(63);

  test.each(["localhost", "client.example.com", "my_host", "[192.0.2.1]", "[IPv6:2001:db8::1]"])(
    "can be %j",
    (name) => {
      expect(nameProblem(name)).toBeUndefined();
    },
  );

  const neither = "it is neither a domain nor an address literal";
  test.each([
    ["", "it is empty"],
    [" ", "it is empty"],
    ["bücher.example", "it has characters beyond ASCII"],
    ["a b", neither],
    ["localhost ", neither],
    ["a..b", neither],
    ["a.b.", neither],
    ["-a", neither],
    ["[192.0.2.1", neither],
    ["a@b", neither],
  ])("can't be %j", (name, problem) => {
    expect(nameProblem(name)).toBe(problem);
  });

  const long = "it is longer than 255 octets";
  test.each([
    ["a label of 63", D63, undefined],
    ["a label of 64 (RFC 1035 §2.3.4)", `${D63}d`, neither],
    ["a domain of 255", `${D63}.${D63}.${D63}.${D63}`, undefined],
    ["a domain of 256 (§4.5.3.1.2)", `${D63}.${D63}.${D63}.${"d".repeat(62)}.d`, long],
    ["an address literal of 255", `[x:${"1".repeat(251)}]`, undefined],
    ["an address literal of 256", `[x:${"1".repeat(252)}]`, long],
  ])("%s", (_rule, name, problem) => {
    expect(nameProblem(name)).toBe(problem);
  });

  test.each(CONTROLS)("can't hold the control character %s", (_name, control) => {
    expect(nameProblem(`a${control}b`)).toBe("it has a control character");
    expect(nameProblem(`[192.0.2.1${control}]`)).toBe("it has a control character");
  });
});

describe("a command of the caller's", () => {
  test.each(["NOOP", "noop", "RSET", "VRFY a", "EXPN list", "HELP", "ETRN example.com", "X-FOO9 bar  baz "])(
    "can be %j",
    (line) => {
      expect(commandProblem(line)).toBeUndefined();
    },
  );

  test.each("EHLO HELO LHLO MAIL RCPT DATA BDAT STARTTLS AUTH QUIT XCLIENT SEND SOML SAML TURN".split(" "))(
    "can't be %s: it is the session's own",
    (verb) => {
      const problem = `${verb} is the session's own to send`;
      expect(commandProblem(verb)).toBe(problem);
      expect(commandProblem(`${verb} argument`)).toBe(problem);
      expect(commandProblem(verb.toLowerCase())).toBe(problem);
      expect(commandProblem(`${verb.slice(0, 1)}${verb.slice(1).toLowerCase()} a`)).toBe(problem);
      // Only the whole verb is reserved.
      expect(commandProblem(`X${verb}`)).toBeUndefined();
      expect(commandProblem(`HELP ${verb}`)).toBeUndefined();
    },
  );

  const noVerb = "it does not begin with a verb";
  test.each([
    ["", "it is empty"],
    ["  ", "it is empty"],
    [" NOOP", noVerb],
    [" DATA", noVerb],
    ["9NOOP", noVerb],
    ["-NOOP", noVerb],
    ["NO_OP", noVerb],
    ["DATA;", noVerb],
    [".", noVerb],
    ["VRFY jürgen", "it has characters beyond ASCII"],
    ["NOOP\u00a0a", "it has characters beyond ASCII"],
  ])("can't be %j", (line, problem) => {
    expect(commandProblem(line)).toBe(problem);
  });

  test.each(CONTROLS)("can't hold the control character %s", (_name, control) => {
    for (const line of [`NOOP${control}`, `NOOP a${control}b`, `NOOP${control}QUIT`, `${control}NOOP`]) {
      expect(commandProblem(line), JSON.stringify(line)).toBe("it has a control character");
    }
  });

  test("has 510 octets at most, 512 with CRLF (§4.5.3.1.4)", () => {
    expect(commandProblem(`NOOP ${"a".repeat(505)}`)).toBeUndefined();
    expect(commandProblem(`NOOP ${"a".repeat(506)}`)).toBe("it is longer than 510 octets");
  });
});
