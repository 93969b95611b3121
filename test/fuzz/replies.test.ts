import fc from "fast-check";
import { expect, test } from "vitest";
import { SmtpError } from "../../src/protocol/errors.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { ReplyParser } from "../../src/protocol/reply.ts";
import { runs } from "../support/scripts.ts";
import { replies } from "./mutations.ts";

test("the reply parser: whatever comes is replies, or one of two errors, however it is cut", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 40 });
  fc.assert(
    fc.property(replies, sizes, (octets, cuts) => {
      const whole = parse([octets]);
      let from = 0;
      const pieces = cuts.map((size) => {
        from += size;
        return octets.subarray(from - size, from);
      });
      expect(parse([...pieces, octets.subarray(from)])).toEqual(whole);
      for (const reply of whole.replies) {
        expect(reply.code).toBeGreaterThanOrEqual(100);
        expect(reply.code).toBeLessThan(600);
        expect(reply.lines.join("\n")).toBe(reply.text);
      }
    }),
    { numRuns: runs(3_000) },
  );
});

function parse(chunks: readonly Uint8Array[]): {
  replies: { code: number; lines: readonly string[]; text: string }[];
  end: string;
} {
  const parser = new ReplyParser(LIMITS);
  const found = [];
  try {
    for (const chunk of chunks) for (const reply of parser.push(chunk)) found.push(reply);
  } catch (error) {
    expect(error).toBeInstanceOf(SmtpError);
    const { code } = error as SmtpError;
    expect(["ESMTP_MALFORMED_REPLY", "ESMTP_REPLY_TOO_LONG"]).toContain(code);
    return { replies: found, end: code };
  }
  return { replies: found, end: parser.midReply ? "in a reply" : "between replies" };
}
