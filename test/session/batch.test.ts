import { expect, test } from "vitest";
import { Batch } from "../../src/session/batch.ts";

const LARGE = 16_385;

function batch(...parts: (string | Uint8Array)[]): Batch {
  const made = new Batch();
  for (const part of parts) {
    if (typeof part === "string") made.addLines(part);
    else made.addOctets(part);
  }
  return made;
}

test("lines and small texts leave as one block, in their order", () => {
  const made = batch("MAIL\r\n", Buffer.from("text\r\n"), "", new Uint8Array(0), "RSET\r\n");
  expect(made.octets).toBe(18);
  expect(made.take().map(String)).toEqual(["MAIL\r\ntext\r\nRSET\r\n"]);
});

test("characters beyond ASCII are UTF-8, and counted as its octets", () => {
  const made = batch("RCPT TO:<é@例.example>\r\n");
  const octets = Buffer.from([
    ...Buffer.from("RCPT TO:<", "latin1"),
    ...[0xc3, 0xa9, 0x40, 0xe4, 0xbe, 0x8b],
    ...Buffer.from(".example>\r\n", "latin1"),
  ]);
  expect(made.octets).toBe(octets.length);
  expect(made.take()).toEqual([octets]);
});

test("a large text leaves as it is, not copied; what stands around it in blocks of its own", () => {
  const large = new Uint8Array(LARGE).fill(0x61);
  const blocks = batch("BDAT\r\n", large, large, "RSET\r\n", "MAIL\r\n").take();
  expect(blocks.map(({ length }) => length)).toEqual([6, LARGE, LARGE, 12]);
  expect(blocks[1]).toBe(large);
  expect(blocks[2]).toBe(large);
  expect([blocks[0], blocks[3]].map(String)).toEqual(["BDAT\r\n", "RSET\r\nMAIL\r\n"]);
});

test("a small text is copied: what its owner does with it later changes nothing", () => {
  const text = Buffer.from("text");
  const [block] = batch("BDAT 4 LAST\r\n", text).take();
  text.fill(0);
  expect(String(block)).toBe("BDAT 4 LAST\r\ntext");
});

test("once taken it is empty", () => {
  const made = batch("NOOP\r\n");
  made.take();
  expect(made.octets).toBe(0);
  expect(made.take()).toEqual([]);
});
