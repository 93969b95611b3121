import { describe, expect, test } from "vitest";
import { BareLineEnd, CanonicalText, type LineEndings, measureText } from "../../src/protocol/text.ts";

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

/** A text whole, byte by byte, and cut in two at every offset. */
function* chunkings(text: string): Generator<[way: string, blocks: Uint8Array[]]> {
  const octets = latin1(text);
  yield ["whole", [octets]];
  yield ["byte by byte", Array.from(octets, (octet) => Uint8Array.of(octet))];
  for (let i = 0; i <= octets.length; i++) yield [`cut at ${i}`, [octets.subarray(0, i), octets.subarray(i)]];
}

function run(transform: CanonicalText, blocks: Uint8Array[]): string {
  const out = blocks.map((block) => transform.push(block));
  return Buffer.concat([...out, transform.end()]).toString("latin1");
}

function bareLineEnd(action: () => unknown): BareLineEnd {
  try {
    action();
  } catch (error) {
    if (error instanceof BareLineEnd) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("canonical line ends (RFC 5321 §2.3.8) and dot-stuffing (§4.5.2)", () => {
  test.each<[rule: string, text: string, canonical: string, stuffed?: string]>([
    ["an empty text stays empty", "", ""],
    ["a canonical text passes", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"],
    ["an empty line alone passes", "\r\n", "\r\n"],
    ["a missing final CRLF is added", "a", "a\r\n"],
    ["a missing final CRLF is added to the last of several lines", "a\r\nb", "a\r\nb\r\n"],
    ["a bare LF becomes CRLF", "a\nb\n", "a\r\nb\r\n"],
    ["a bare CR becomes CRLF", "a\rb\r", "a\r\nb\r\n"],
    ["a lone CR", "\r", "\r\n"],
    ["a lone LF", "\n", "\r\n"],
    ["CR CR", "\r\r", "\r\n\r\n"],
    ["LF LF", "\n\n", "\r\n\r\n"],
    ["CR CR LF is a bare CR and a CRLF", "a\r\r\nb\r\n", "a\r\n\r\nb\r\n"],
    ["CR LF LF is a CRLF and a bare LF", "a\r\n\nb\r\n", "a\r\n\r\nb\r\n"],
    ["LF CR is two line ends", "a\n\rb\r\n", "a\r\n\r\nb\r\n"],
    ["a dot as the very first octet", ".a\r\n", ".a\r\n", "..a\r\n"],
    ["a dot alone", ".", ".\r\n", "..\r\n"],
    ["a dot on its own line", "a\r\n.\r\nb\r\n", "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"],
    ["a dot at each line's start", ".\r\n.\r\n.a\r\n", ".\r\n.\r\n.a\r\n", "..\r\n..\r\n..a\r\n"],
    ["of several dots the first", "..\r\n...\r\n", "..\r\n...\r\n", "...\r\n....\r\n"],
    ["no dot within a line", "a.\r\nb.c.\r\n", "a.\r\nb.c.\r\n"],
    ["a dot behind a bare LF", "a\n.\nb", "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"],
    ["a dot behind a bare CR", "a\r.\rb", "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"],
    ["CR . LF", "\r.\n", "\r\n.\r\n", "\r\n..\r\n"],
    [
      "nothing but what grows, the block before ending with CR",
      "\r.\n.\n.\r.\n",
      "\r\n.\r\n.\r\n.\r\n.\r\n",
      "\r\n..\r\n..\r\n..\r\n..\r\n",
    ],
    // The ways to smuggle an end of text, CVE-2023-51764.
    ["LF . LF", "a\n.\nMAIL", "a\r\n.\r\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n"],
    ["LF . CR LF", "a\n.\r\nMAIL\r\n", "a\r\n.\r\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n"],
    ["CR LF . LF", "a\r\n.\nMAIL\r\n", "a\r\n.\r\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n"],
    ["CR LF . CR", "a\r\n.\rMAIL\r\n", "a\r\n.\r\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n"],
    ["CR . CR", "a\r.\rMAIL\r\n", "a\r\n.\r\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n"],
    ["NUL and 8-bit octets pass", "\0\x85\xff\xa0\r\n", "\0\x85\xff\xa0\r\n"],
  ])("%s", (_rule, text, canonical, stuffed = canonical) => {
    for (const [way, blocks] of chunkings(text)) {
      const plain = new CanonicalText("normalize", false);
      expect(run(plain, blocks), way).toBe(canonical);
      expect(plain, way).toMatchObject({ octetsIn: text.length, size: canonical.length });

      const stuffing = new CanonicalText("normalize", true);
      expect(run(stuffing, blocks), `${way}, stuffed`).toBe(stuffed);
      // SIZE counts neither the dots added nor the terminator (RFC 1870 §3).
      expect(stuffing, `${way}, stuffed`).toMatchObject({ octetsIn: text.length, size: canonical.length });
    }
    expect(measureText(latin1(text), "normalize")).toMatchObject({
      octetsIn: text.length,
      size: canonical.length,
    });
  });

  test.each<[string, LineEndings, boolean, string]>([
    ["canonical", "normalize", false, "a\r\n.b\r\n"],
    ["canonical, nothing to stuff", "normalize", true, "a.\r\n\r\nb\r\n"],
    ["canonical, to be refused otherwise", "reject", true, "a.\r\n\r\nb\r\n"],
    ["its final CRLF missing", "normalize", true, "a"],
    ["ending between CR and LF", "normalize", true, "a\r"],
    ["empty", "normalize", true, ""],
  ])("a block that needs no change is passed on, not copied: %s", (_what, lineEndings, dotStuffing, text) => {
    const block = latin1(text);
    expect(new CanonicalText(lineEndings, dotStuffing).push(block)).toBe(block);
  });

  test("a block that needs change is left as it was", () => {
    const block = latin1(".\n.\r.");
    new CanonicalText("normalize", true).push(block);
    expect(block.toString("latin1")).toBe(".\n.\r.");
  });

  test("the end adds nothing a second time", () => {
    const transform = new CanonicalText("normalize", true);
    expect(run(transform, [latin1("a")])).toBe("a\r\n");
    expect(transform.end()).toHaveLength(0);
    expect(transform.size).toBe(3);
  });

  test.each([
    ["", false],
    ["a\r\n", false],
    ["\x7f\0\r\n", false],
    ["\x80", true],
    ["\xff\r\n", true],
    ["gr\xc3\xbc\xc3\x9fe\r\n", true],
    ["\xfc\r\na\r\nb\r\n", true],
  ])("8-bit text is seen (RFC 6152): %j", (text, eightBit) => {
    for (const [way, blocks] of chunkings(text)) {
      const transform = new CanonicalText("normalize", true);
      run(transform, blocks);
      expect(transform.eightBit, way).toBe(eightBit);
    }
    expect(measureText(latin1(text), "normalize").eightBit).toBe(eightBit);
  });
});

describe('"reject"', () => {
  test.each<[rule: string, text: string, octet: "CR" | "LF", offset: number]>([
    ["a bare LF", "ab\ncd\r\n", "LF", 2],
    ["a bare CR", "ab\rcd\r\n", "CR", 2],
    ["a lone LF", "\n", "LF", 0],
    ["a lone CR", "\r", "CR", 0],
    ["a CR at the end", "ab\r\ncd\r", "CR", 6],
    ["of CR CR LF the first", "ab\r\r\n", "CR", 2],
    ["of CR LF LF the last", "ab\r\n\n", "LF", 4],
    ["of LF CR the LF", "ab\n\rcd", "LF", 2],
    ["of several the first", "a\r\nb\nc\rd\n", "LF", 4],
    ["LF . CR LF", "a\n.\r\n", "LF", 1],
    ["CR LF . CR", "a\r\n.\rb", "CR", 4],
  ])("%s is refused, with its offset", (_rule, text, octet, offset) => {
    for (const dotStuffing of [false, true]) {
      for (const [way, blocks] of chunkings(text)) {
        const error = bareLineEnd(() => run(new CanonicalText("reject", dotStuffing), blocks));
        expect(error, way).toMatchObject({
          name: "BareLineEnd",
          offset,
          message: `The text has a bare ${octet} at octet ${offset}`,
        });
      }
    }
    expect(bareLineEnd(() => measureText(latin1(text), "reject")).offset).toBe(offset);
  });

  test.each([
    ["", "", ""],
    ["a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"],
    ["a", "a\r\n", "a\r\n"],
    [".a\r\n.", ".a\r\n.\r\n", "..a\r\n..\r\n"],
  ])("a text without bare ones is treated as ever: %j", (text, canonical, stuffed) => {
    for (const [way, blocks] of chunkings(text)) {
      expect(run(new CanonicalText("reject", false), blocks), way).toBe(canonical);
      expect(run(new CanonicalText("reject", true), blocks), way).toBe(stuffed);
    }
  });
});
