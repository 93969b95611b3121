import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SmtpError } from "../../src/protocol/errors.ts";
import { makeReply, type Reply, ReplyParser, replyClass } from "../../src/protocol/reply.ts";

const LIMITS = { replyLine: 64, replyLines: 4, groupCommands: 1 };

interface Outcome {
  replies: Reply[];
  error?: { code: string; retryable: boolean; message: string };
  midReply?: boolean;
}

/** What a parser makes of some chunks. Only an SmtpError is an outcome; anything else fails the test. */
function parse(chunks: Iterable<Uint8Array>): Outcome {
  const parser = new ReplyParser(LIMITS);
  const replies: Reply[] = [];
  try {
    for (const chunk of chunks) for (const reply of parser.push(chunk)) replies.push(reply);
  } catch (error) {
    if (!(error instanceof SmtpError)) throw error;
    return { replies, error: { code: error.code, retryable: error.retryable, message: error.message } };
  }
  return { replies, midReply: parser.midReply };
}

/** An input whole, byte by byte, cut in two at every offset, and in random pieces (empty ones among them). */
function* chunkings(input: string): Generator<[way: string, chunks: Uint8Array[]]> {
  const octets = Buffer.from(input);
  yield ["whole", [octets]];
  yield ["byte by byte", Array.from(octets, (octet) => Uint8Array.of(octet))];
  for (let i = 0; i <= octets.length; i++) yield [`cut at ${i}`, [octets.subarray(0, i), octets.subarray(i)]];
  const cuts = fc.array(fc.nat({ max: octets.length }), { minLength: 2, maxLength: 9 });
  for (const sample of fc.sample(cuts, { seed: 5321, numRuns: 20 })) {
    const at = [0, ...sample.sort((a, b) => a - b), octets.length];
    yield [`cut at ${sample}`, at.slice(1).map((end, i) => octets.subarray(at[i], end))];
  }
}

/** A reply as the wire's reader should see it. */
function reply(code: number, lines: string[], enhanced?: string): Reply {
  return { code, lines, text: lines.join("\n"), ...(enhanced === undefined ? {} : { enhanced }) };
}

const line = (octets: number, fill = "x"): string => `250 ${fill.repeat(octets - 4)}`;

describe("replies", () => {
  test.each<[rule: string, input: string, replies: Reply[]]>([
    ["a single line", "220 mx.example ESMTP\r\n", [reply(220, ["mx.example ESMTP"])]],
    ["several lines (§4.2.1)", "250-a\r\n250-b c\r\n250 d\r\n", [reply(250, ["a", "b c", "d"])]],
    ["a code alone (§4.2)", "250\r\n", [reply(250, [""])]],
    ["a code and a space, no text", "354 \r\n", [reply(354, [""])]],
    ["a hyphen and no text", "250-\r\n250 \r\n", [reply(250, ["", ""])]],
    ["a last line that is its code alone", "250-a\r\n250\r\n", [reply(250, ["a", ""])]],
    ["LF alone ends a line", "250-a\n250 b\n", [reply(250, ["a", "b"])]],
    ["LF alone behind a code alone", "250\n", [reply(250, [""])]],
    ["only one CR belongs to the line end", "250 a\r\r\n", [reply(250, ["a\r"])]],
    ["a CR within a line ends nothing", "250 a\rb\r\n", [reply(250, ["a\rb"])]],
    ["spaces and hyphens of the text stay", "250  - a \r\n", [reply(250, [" - a "])]],
    ["a text that looks like a reply", "250-250 a\r\n250 500-b\r\n", [reply(250, ["250 a", "500-b"])]],
    [
      "several replies",
      "250 a\r\n250 b\r\n550 c\r\n",
      [reply(250, ["a"]), reply(250, ["b"]), reply(550, ["c"])],
    ],
    [
      "codes may differ from reply to reply",
      "250-a\r\n250 b\r\n354-c\r\n354 d\r\n",
      [reply(250, ["a", "b"]), reply(354, ["c", "d"])],
    ],
    ["the lowest code", "100 a\r\n", [reply(100, ["a"])]],
    ["the highest code", "599 a\r\n", [reply(599, ["a"])]],
    ["UTF-8 (RFC 6531 §3.7.4.2)", "250 grüße 📬 日本\r\n", [reply(250, ["grüße 📬 日本"])]],
    ["nothing at all", "", []],
    ["a line of exactly the limit, with CRLF", `${line(62)}\r\n`, [reply(250, ["x".repeat(58)])]],
    ["a line of exactly the limit, with LF", `${line(63)}\n`, [reply(250, ["x".repeat(59)])]],
    [
      "exactly as many lines as the limit",
      "250-a\r\n250-b\r\n250-c\r\n250 d\r\n",
      [reply(250, ["a", "b", "c", "d"])],
    ],
    [
      "the limit of lines is for one reply, not for the session",
      "250-a\r\n250-b\r\n250 c\r\n".repeat(3),
      Array.from({ length: 3 }, () => reply(250, ["a", "b", "c"])),
    ],
    ["an enhanced status code (RFC 2034 §3)", "250 2.1.5 ok\r\n", [reply(250, ["2.1.5 ok"], "2.1.5")]],
    ["an enhanced status code of class 4", "451 4.7.1 later\r\n", [reply(451, ["4.7.1 later"], "4.7.1")]],
    ["the longest enhanced status code", "550 5.123.456 no\r\n", [reply(550, ["5.123.456 no"], "5.123.456")]],
    ["an enhanced status code alone", "250 2.0.0\r\n", [reply(250, ["2.0.0"], "2.0.0")]],
    [
      "an enhanced status code on each line: the first counts",
      "550-5.1.1 a\r\n550 5.1.2 b\r\n",
      [reply(550, ["5.1.1 a", "5.1.2 b"], "5.1.1")],
    ],
    [
      "an enhanced status code alone on the first of several lines",
      "550-5.1.1\r\n550 5.1.1 no such user\r\n",
      [reply(550, ["5.1.1", "5.1.1 no such user"], "5.1.1")],
    ],
    ["not first on the first line: none", "550-no\r\n550 5.1.1 no\r\n", [reply(550, ["no", "5.1.1 no"])]],
    ["a class that is not the code's: none (RFC 2034 §4)", "250 5.1.1 ok\r\n", [reply(250, ["5.1.1 ok"])]],
    ["a class that does not exist: none (RFC 3463 §2)", "354 3.0.0 go\r\n", [reply(354, ["3.0.0 go"])]],
    ["four digits: none (RFC 3463 §2)", "250 2.1234.0 ok\r\n", [reply(250, ["2.1234.0 ok"])]],
    ["two numbers: none", "250 2.1 ok\r\n", [reply(250, ["2.1 ok"])]],
    ["four numbers, as in an IP address: none", "250 2.1.1.1 ok\r\n", [reply(250, ["2.1.1.1 ok"])]],
    ["letters behind it: none", "250 2.1.5ok\r\n", [reply(250, ["2.1.5ok"])]],
    ["a space before it: none", "250  2.1.5 ok\r\n", [reply(250, [" 2.1.5 ok"])]],
  ])("%s", (_rule, input, replies) => {
    for (const [way, chunks] of chunkings(input)) {
      expect(parse(chunks), way).toStrictEqual({ replies, midReply: false });
    }
  });

  test("octets that are no UTF-8 do not stop the parser", () => {
    const octets = Buffer.from("250 gr\xfc\xdfe\r\n250 b\r\n", "latin1");
    expect(parse([octets]).replies.map((r) => r.text)).toEqual(["gr\ufffd\ufffde", "b"]);
  });

  test.each<[string, string, boolean]>([
    ["nothing", "", false],
    ["a whole reply", "250 a\r\n", false],
    ["one octet", "2", true],
    ["a line without its end", "250 a", true],
    ["a line with half of its end", "250 a\r", true],
    ["a first line of several", "250-a\r\n", true],
    ["a whole reply and a beginning", "250 a\r\n25", true],
  ])("midReply: %s", (_what, input, midReply) => {
    for (const [way, chunks] of chunkings(input)) expect(parse(chunks).midReply, way).toBe(midReply);
  });

  test("what stands behind a reply is not looked at before that reply was taken", () => {
    const replies = new ReplyParser(LIMITS).push(Buffer.from("220 a\r\njunk\r\n"));
    expect(replies.next()).toEqual({ done: false, value: reply(220, ["a"]) });
    expect(() => replies.next()).toThrow(SmtpError);
  });

  test("the memory of a chunk may be used again for the next one", () => {
    const parser = new ReplyParser(LIMITS);
    const memory = Buffer.from("250 unfin");
    expect([...parser.push(memory)]).toEqual([]);
    memory.fill("?");
    expect([...parser.push(Buffer.from("ished\r\n"))]).toEqual([reply(250, ["unfinished"])]);
  });
});

describe("what is no reply", () => {
  const malformed = (message: string) => ({ code: "ESMTP_MALFORMED_REPLY", retryable: true, message });
  const tooLong = (message: string) => ({ code: "ESMTP_REPLY_TOO_LONG", retryable: true, message });
  const noCode = (shown: string) =>
    malformed(`The server sent ${shown}, which is no SMTP reply: it does not begin with a reply code`);
  const differs = (shown: string) =>
    malformed(`The server sent ${shown}, which is no SMTP reply: it continues a reply with the code 250`);
  const longLine = tooLong("A line of a reply is longer than 64 octets");
  const manyLines = tooLong("A reply has more than 4 lines");

  test.each<[rule: string, input: string, before: Reply[], error: ReturnType<typeof malformed>]>([
    ["an empty line", "\r\n", [], noCode('""')],
    ["an empty line that is LF alone", "\n", [], noCode('""')],
    ["one digit", "2\r\n", [], noCode('"2"')],
    ["two digits", "25\r\n", [], noCode('"25"')],
    ["two digits and a space", "25 a\r\n", [], noCode('"25 a"')],
    ["four digits", "2500 a\r\n", [], noCode('"2500 a"')],
    ["a letter as a digit", "2x0 a\r\n", [], noCode('"2x0 a"')],
    ["the octet behind 9", "25: a\r\n", [], noCode('"25: a"')],
    ["the octet before 0", "25/ a\r\n", [], noCode('"25/ a"')],
    ["a space before the code", " 250 a\r\n", [], noCode('" 250 a"')],
    ["a minus sign before the code", "-250 a\r\n", [], noCode('"-250 a"')],
    ["0yz (§4.2.1)", "099 a\r\n", [], noCode('"099 a"')],
    ["6yz (§4.2.1)", "600 a\r\n", [], noCode('"600 a"')],
    ["9yz (§4.2.1)", "999 a\r\n", [], noCode('"999 a"')],
    ["a tab as separator", "250\ta\r\n", [], noCode('"250\\ta"')],
    ["a letter as separator", "250a\r\n", [], noCode('"250a"')],
    ["a CR as separator", "250\r\r\n", [], noCode('"250\\r"')],
    ["digits beyond ASCII", "２５０ a\r\n", [], noCode('"２５０ a"')],
    ["control characters are shown escaped", "a\x00\x1b[2J\r\n", [], noCode('"a\\u0000\\u001b[2J"')],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", [], noCode('"SSH-2.0-OpenSSH_9.2"')],
    ["junk behind a reply: the reply counts", "250 a\r\njunk\r\n", [reply(250, ["a"])], noCode('"junk"')],
    ["junk within a reply", "250-a\r\njunk\r\n", [], noCode('"junk"')],
    ["differing codes in one reply (§4.2.1)", "250-a\r\n251 b\r\n", [], differs('"251 b"')],
    ["differing codes, the last alone", "250-a\r\n550\r\n", [], differs('"550"')],
    ["differing codes in the middle", "250-a\r\n550-b\r\n250 c\r\n", [], differs('"550-b"')],
    ["a line one octet too long, with CRLF", `${line(63)}\r\n`, [], longLine],
    ["a line one octet too long, with LF", `${line(64)}\n`, [], longLine],
    ["a line too long, without any end", line(64), [], longLine],
    ["a line far too long, without any end", line(1000), [], longLine],
    ["a line too long of non-ASCII: octets count", `${line(34, "ü")}\r\n`, [], longLine],
    ["a line too long that is no reply either", "x".repeat(100), [], longLine],
    ["a line too long within a reply", `250-a\r\n${line(64)}\r\n`, [], longLine],
    ["a line too long behind a reply", `250 a\r\n${line(64)}`, [reply(250, ["a"])], longLine],
    ["one line too many", "250-a\r\n250-b\r\n250-c\r\n250-d\r\n250 e\r\n", [], manyLines],
    ["lines without end", "250-a\r\n".repeat(50), [], manyLines],
    ["too many lines behind a reply", `250 a\r\n${"250-a\r\n".repeat(4)}`, [reply(250, ["a"])], manyLines],
  ])("%s", (_rule, input, replies, error) => {
    for (const [way, chunks] of chunkings(input)) {
      expect(parse(chunks), way).toStrictEqual({ replies, error });
    }
  });

  test("an unfinished line of all but one octet of the limit is still waited for", () => {
    for (const [way, chunks] of chunkings(line(63))) {
      expect(parse(chunks), way).toStrictEqual({ replies: [], midReply: true });
    }
  });

  test("of a long line only its beginning is shown", () => {
    const parser = new ReplyParser({ ...LIMITS, replyLine: 4096 });
    const push = () => [...parser.push(Buffer.from(`${"a".repeat(80)}${"b".repeat(2000)}\r\n`))];
    expect(push).toThrow(`sent "${"a".repeat(80)}", which`);
  });
});

describe("makeReply", () => {
  test.each<[number, string[], Reply]>([
    [250, ["ok"], { code: 250, lines: ["ok"], text: "ok" }],
    [250, ["a", "b"], { code: 250, lines: ["a", "b"], text: "a\nb" }],
    [550, ["5.1.1 a", "b"], { code: 550, enhanced: "5.1.1", lines: ["5.1.1 a", "b"], text: "5.1.1 a\nb" }],
    [250, [], { code: 250, lines: [], text: "" }],
  ])("%i %j", (code, lines, expected) => {
    expect(makeReply(code, lines)).toStrictEqual(expected);
  });
});

test.each([
  [100, 1],
  [220, 2],
  [299, 2],
  [354, 3],
  [421, 4],
  [599, 5],
])("replyClass of %i is %i (§4.2.1)", (code, expected) => {
  expect(replyClass({ code, lines: [""], text: "" })).toBe(expected);
});
