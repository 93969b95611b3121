import fc from "fast-check";
import { expect, test } from "vitest";
import { SmtpError } from "../../src/protocol/errors.ts";
import { LIMITS as DEFAULTS } from "../../src/protocol/limits.ts";
import { type Reply, ReplyParser } from "../../src/protocol/reply.ts";

/** What came out: the replies and, where it ended, the error or whether a reply was unfinished. */
interface Outcome {
  replies: Reply[];
  end: string;
}

function parse(
  chunks: Iterable<Uint8Array>,
  limits: ConstructorParameters<typeof ReplyParser>[0] = DEFAULTS,
): Outcome {
  const parser = new ReplyParser(limits);
  const replies: Reply[] = [];
  try {
    for (const chunk of chunks) for (const reply of parser.push(chunk)) replies.push(reply);
  } catch (error) {
    if (!(error instanceof SmtpError)) throw error;
    return { replies, end: `${error.code}: ${error.message}` };
  }
  return { replies, end: parser.midReply ? "in a reply" : "between replies" };
}

/** Octets in pieces of these sizes, the rest as the last one. */
function cut(octets: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let at = 0;
  const pieces = sizes.map((size) => {
    const piece = octets.subarray(at, at + size);
    at += size;
    return piece;
  });
  return [...pieces, octets.subarray(at)];
}

const bytewise = (octets: Uint8Array): Uint8Array[] => Array.from(octets, (octet) => Uint8Array.of(octet));

const sizes = fc.array(fc.nat({ max: 40 }), { maxLength: 30 });

/** A line's text: what has neither line end, and does not by chance begin with an enhanced status code. */
const lineText = fc
  .string({ unit: "grapheme", maxLength: 60 })
  .filter((text) => !/[\r\n]/.test(text) && !/^\d\./.test(text));

/** A reply with the octets that say it. */
const spoken = fc
  .record({
    code: fc.integer({ min: 100, max: 599 }),
    detail: fc.option(fc.tuple(fc.nat({ max: 999 }), fc.nat({ max: 999 }))),
    texts: fc.array(lineText, { minLength: 1, maxLength: 6 }),
    lineEnd: fc.constantFrom("\r\n", "\n"),
    bare: fc.boolean(),
  })
  .map(({ code, detail, texts, lineEnd, bare }): { wire: string; reply: Reply } => {
    const digit = String(code).slice(0, 1);
    const enhanced = detail !== null && "245".includes(digit) ? `${digit}.${detail.join(".")}` : undefined;
    const lines = texts.map((text, i) => (i === 0 && enhanced !== undefined ? `${enhanced} ${text}` : text));
    const last = lines.length - 1;
    const wire = lines.map((line, i) => {
      if (i < last) return `${code}-${line}${lineEnd}`;
      return bare && line === "" ? `${code}${lineEnd}` : `${code} ${line}${lineEnd}`;
    });
    const reply = { code, lines, text: lines.join("\n"), ...(enhanced === undefined ? {} : { enhanced }) };
    return { wire: wire.join(""), reply };
  });

test("any replies, cut in any way, are read as they were said", () => {
  fc.assert(
    fc.property(fc.array(spoken, { maxLength: 8 }), sizes, (stream, pieces) => {
      const octets = Buffer.from(stream.map(({ wire }) => wire).join(""));
      const expected = { replies: stream.map(({ reply }) => reply), end: "between replies" };
      expect(parse([octets])).toStrictEqual(expected);
      expect(parse(bytewise(octets))).toStrictEqual(expected);
      expect(parse(cut(octets, pieces))).toStrictEqual(expected);
    }),
  );
});

const TIGHT = { replyLine: 16, replyLines: 3, groupCommands: 1 };

/** Octets that often look like replies, and often not. */
const garbage = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "250 ",
        "250-",
        "250\r\n",
        "250 a\r\n",
        "250-a\r\n",
        "\r\n",
        "\n",
        "\r",
        "25",
        "9",
        "\0",
      ),
      fc.string({ unit: "binary", maxLength: 6 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => Buffer.from(parts.join(""), "latin1"));

test("garbage gives the same replies and the same error, cut in any way", () => {
  fc.assert(
    fc.property(garbage, sizes, (octets, pieces) => {
      const outcome = parse([octets], TIGHT);
      expect(outcome.end).toMatch(/^(in a reply|between replies|ESMTP_(MALFORMED_REPLY|REPLY_TOO_LONG): )/);
      expect(parse(bytewise(octets), TIGHT)).toStrictEqual(outcome);
      expect(parse(cut(octets, pieces), TIGHT)).toStrictEqual(outcome);
    }),
    { numRuns: 500 },
  );
});

test("no more is held than the limits allow: a reply or an error comes before", () => {
  const most = TIGHT.replyLine * TIGHT.replyLines;
  fc.assert(
    fc.property(garbage, (octets) => {
      const parser = new ReplyParser(TIGHT);
      let held = 0;
      for (const octet of bytewise(octets)) {
        let replies: Reply[];
        try {
          replies = [...parser.push(octet)];
        } catch (error) {
          expect(error).toBeInstanceOf(SmtpError);
          return;
        }
        held = replies.length > 0 ? 0 : held + 1;
        expect(held).toBeLessThan(most);
        expect(parser.midReply).toBe(held > 0);
      }
    }),
    { numRuns: 500 },
  );
});
