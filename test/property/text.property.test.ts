import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BareLineEnd, CanonicalText, type LineEndings, measureText } from "../../src/protocol/text.ts";

// The reference works on strings of one character per octet and knows nothing of blocks.
const canonical = (text: string): string =>
  text.replace(/\r\n|\r|\n/g, "\r\n").replace(/(?<!\r\n)$/, (_, at) => (at === 0 ? "" : "\r\n"));

/** What a server makes of the text that it received (RFC 5321 §4.5.2). */
const unstuff = (text: string): string =>
  text
    .split("\r\n")
    .map((line) => (line.startsWith(".") ? line.slice(1) : line))
    .join("\r\n");

const firstBare = (text: string): number | undefined => /\r(?!\n)|(?<!\r)\n/.exec(text)?.index;

const text = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(13, 10, 46) }, fc.nat({ max: 255 })), {
    maxLength: 80,
  })
  .map((octets) => Buffer.from(octets).toString("latin1"));

const sizes = fc.array(fc.nat({ max: 6 }), { maxLength: 60 });

/** A text in blocks of these sizes, the rest as the last one. */
function cut(whole: string, pieces: readonly number[]): Buffer[] {
  const octets = Buffer.from(whole, "latin1");
  let at = 0;
  const blocks = pieces.map((size) => {
    const block = octets.subarray(at, at + size);
    at += size;
    return block;
  });
  return [...blocks, octets.subarray(at)];
}

function transform(blocks: Buffer[], lineEndings: LineEndings, dotStuffing: boolean): string {
  const canonicalText = new CanonicalText(lineEndings, dotStuffing);
  const out = blocks.map((block) => canonicalText.push(block));
  return Buffer.concat([...out, canonicalText.end()]).toString("latin1");
}

describe("any octets in any blocks", () => {
  test("become the canonical text", () => {
    fc.assert(
      fc.property(text, sizes, (input, pieces) => {
        expect(transform(cut(input, pieces), "normalize", false)).toBe(canonical(input));
      }),
      { numRuns: 1000 },
    );
  });

  test("stuffed, then unstuffed by a server, are the canonical text (§4.5.2)", () => {
    fc.assert(
      fc.property(text, sizes, (input, pieces) => {
        expect(unstuff(transform(cut(input, pieces), "normalize", true))).toBe(canonical(input));
      }),
      { numRuns: 1000 },
    );
  });

  test("stuffed have no line that is a lone dot and no bare CR or LF: nothing can end the text", () => {
    fc.assert(
      fc.property(text, sizes, (input, pieces) => {
        const stuffed = transform(cut(input, pieces), "normalize", true);
        expect(stuffed.split("\r\n")).not.toContain(".");
        expect(firstBare(stuffed)).toBeUndefined();
        expect(stuffed).toMatch(/^$|\r\n$/);
      }),
      { numRuns: 1000 },
    );
  });

  test("are counted: octets in, SIZE, 8-bit", () => {
    fc.assert(
      fc.property(text, sizes, fc.boolean(), (input, pieces, dotStuffing) => {
        const facts = {
          octetsIn: input.length,
          size: canonical(input).length,
          eightBit: /[^\0-\x7f]/.test(input),
        };
        const canonicalText = new CanonicalText("normalize", dotStuffing);
        for (const block of cut(input, pieces)) canonicalText.push(block);
        canonicalText.end();
        expect(canonicalText).toMatchObject(facts);
        expect(measureText(Buffer.from(input, "latin1"), "normalize")).toMatchObject(facts);
      }),
    );
  });

  test('are refused at the first bare CR or LF with "reject", and else as with "normalize"', () => {
    fc.assert(
      fc.property(text, sizes, fc.boolean(), (input, pieces, dotStuffing) => {
        const act = () => transform(cut(input, pieces), "reject", dotStuffing);
        const offset = firstBare(input);
        if (offset === undefined) {
          expect(dotStuffing ? unstuff(act()) : act()).toBe(canonical(input));
          return;
        }
        expect(act).toThrow(BareLineEnd);
        expect(act).toThrow(expect.objectContaining({ offset }));
      }),
      { numRuns: 500 },
    );
  });

  test("are left as they were", () => {
    fc.assert(
      fc.property(text, sizes, (input, pieces) => {
        const blocks = cut(input, pieces);
        transform(blocks, "normalize", true);
        expect(Buffer.concat(blocks).toString("latin1")).toBe(input);
      }),
    );
  });
});

test("a canonical text passes as the very same blocks: the transform is idempotent", () => {
  fc.assert(
    fc.property(
      text.map(canonical),
      sizes,
      fc.constantFrom<LineEndings>("normalize", "reject"),
      (input, pieces, mode) => {
        const canonicalText = new CanonicalText(mode, false);
        for (const block of cut(input, pieces)) expect(canonicalText.push(block)).toBe(block);
        expect(canonicalText.end()).toHaveLength(0);
      },
    ),
  );
});
