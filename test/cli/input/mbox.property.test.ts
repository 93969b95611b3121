import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FromQuoting } from "../../../src/cli/input/index.ts";
import { readOptions } from "../../../src/cli/input/options.ts";
import { readMbox } from "../../../src/cli/input/read-mbox.ts";
import type { Store } from "../../../src/cli/input/store.ts";
import { octetsOf } from "./support.ts";

const HEADER = ["From: a@example.org", "To: b@example.org", "", ""];

/** Pieces that a text is put together from; each a string of octets. */
const PIECES = [
  "From ",
  ">From ",
  ">>From ",
  ">",
  "F",
  "From",
  " ",
  "From a@example.org Tue Jan  2 10:00:00 2024",
  "Bcc: x@example.org",
  "\n",
  "\n\n",
  "\r\n",
  "\r",
  "\0",
  "\xe9\xff",
  "x".repeat(70),
];

interface Written {
  readonly text: string;
  readonly fromLine: string;
}

/** Writes messages as mbox(5) says. */
function mboxOf(messages: readonly Written[], quoted: RegExp, lineEnd: string): string {
  return messages
    .map(({ text, fromLine }) => `${fromLine}${lineEnd}${text.replace(quoted, ">$&")}${lineEnd}`)
    .join("");
}

/** Octets that come in blocks of given sizes, again and again. */
function inBlocks(octets: string, sizes: readonly number[]): Store {
  const buffer = Buffer.from(octets, "latin1");
  return {
    size: buffer.length,
    read: async function* (start, end) {
      let at = start;
      for (let i = 0; at < end; i++) {
        const next = Math.min(end, at + (sizes[i % sizes.length] ?? 1));
        yield Buffer.from(buffer.subarray(at, next));
        at = next;
      }
    },
  };
}

async function readTexts(
  store: Store,
  quoting: FromQuoting,
  inMemory: number,
): Promise<{ texts: string[]; sizes: (number | undefined)[]; offsets: (number | undefined)[] }> {
  const texts: string[] = [];
  const sizes: (number | undefined)[] = [];
  const offsets: (number | undefined)[] = [];
  for await (const { found } of readMbox(store, "/in.mbox", readOptions(["x"], { quoting, inMemory }))) {
    if (found.message === undefined) throw new Error(found.problem.message);
    const { data, size, tag } = found.message;
    texts.push(await octetsOf(data));
    // It can be read again.
    expect(await octetsOf(data)).toBe(texts.at(-1));
    sizes.push(size ?? texts.at(-1)?.length);
    offsets.push(tag?.offset);
  }
  return { texts, sizes, offsets };
}

function textOf(lineEnd: string, pieces: readonly string[] = PIECES): fc.Arbitrary<string> {
  const body = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(""));
  return body.map(
    (text) => HEADER.join(lineEnd) + text + (text.endsWith("\n") || text === "" ? "" : lineEnd),
  );
}

function written(text: fc.Arbitrary<string>): fc.Arbitrary<Written> {
  const fromLine = fc.constantFrom(
    "From a@example.org Tue Jan  2 10:00:00 2024",
    "From - Tue Jan 02 10:00:00 2024",
    "From 1700000000000000000@xxx Tue Jan 02 10:00:00 +0000 2024",
  );
  return fc.record({ text, fromLine });
}

const SIZES = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });
const IN_MEMORY = fc.constantFrom(0, 90, 262_144);

describe("any messages are read back octet for octet, in whatever blocks they come", () => {
  test.each<[FromQuoting, RegExp, string]>([
    ["mboxrd", /^>*From /gm, "\n"],
    ["mboxrd", /^>*From /gm, "\r\n"],
    ["mboxo", /^From /gm, "\n"],
    ["mboxo", /^From /gm, "\r\n"],
  ])("%s %s %j", async (quoting, quoted, lineEnd) => {
    // ^ of a RegExp stands behind a CR too: a line of an mbox file ends with LF.
    const rule = new RegExp(quoted.source.replace("^", "(?<=^|\\n)"), "g");
    // mboxo can't tell `>From ` that it wrote from one that was there.
    const pieces = quoting === "mboxrd" ? PIECES : PIECES.filter((piece) => !piece.includes(">"));
    const messages = fc.array(written(textOf(lineEnd, pieces)), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(messages, SIZES, IN_MEMORY, async (all, sizes, inMemory) => {
        const file = mboxOf(all, rule, lineEnd);
        const read = await readTexts(inBlocks(file, sizes), quoting, inMemory);
        expect(read.texts).toEqual(all.map(({ text }) => text));
        expect(read.sizes).toEqual(all.map(({ text }) => text.length));
        for (const offset of read.offsets) expect(file.slice(offset, (offset ?? 0) + 5)).toBe("From ");
      }),
      { numRuns: 300 },
    );
  });

  test("mboxo leaves what mboxrd would have quoted", async () => {
    const file = `From a@example.org Tue Jan  2 10:00:00 2024\n${HEADER.join("\n")}>From x\n>>From y\n>>>From z\n\n`;
    const all = {
      mboxrd: "From x\n>From y\n>>From z\n",
      mboxo: "From x\n>>From y\n>>>From z\n",
      none: ">From x\n>>From y\n>>>From z\n",
    };
    for (const quoting of ["mboxrd", "mboxo", "none"] as const) {
      for (const sizes of [[1], [2], [3], [1_000]]) {
        const { texts } = await readTexts(inBlocks(file, sizes), quoting, 0);
        expect(texts).toEqual([HEADER.join("\n") + all[quoting]]);
      }
    }
  });
});

describe("where a message begins", () => {
  const text = `${HEADER.join("\n")}Hello\n`;
  const dated = "From a@example.org Tue Jan  2 10:00:00 2024\n";
  test.each<[string, string, string[]]>([
    ["without an empty line above it", `${dated}${text}${dated}${text}`, [text, text]],
    [
      "not with a line that has no date, if the first one has",
      `${dated}${text}\nFrom now on\n\n`,
      [`${text}\nFrom now on\n`],
    ],
    ["not with a time alone", `${dated}${text}\nFrom 10:30 we meet\n\n`, [`${text}\nFrom 10:30 we meet\n`]],
    ["with any such line, if the first one has no date", `From x\n${text}\nFrom y\n${text}\n`, [text, text]],
    [
      "not within a line",
      `${dated}${text} From a@example.org Tue Jan  2 10:00:00 2024\n\n`,
      [`${text} ${dated}`],
    ],
    [
      "not with a line of another length",
      `${dated}${text}From ${"x".repeat(2_000)} 10:00:00 2024\n\n`,
      [`${text}From ${"x".repeat(2_000)} 10:00:00 2024\n`],
    ],
    ["behind empty lines at the beginning", `\n\r\n${dated}${text}\n`, [text]],
    [
      "with the time zone before or behind the year",
      `From - Tue Jan  2 10:00 MET 2024\n${text}\nFrom - Tue Jan  2 10:00:00 2024 +0100\n${text}\n`,
      [text, text],
    ],
  ])("%s", async (_name, file, texts) => {
    for (const sizes of [[1], [7], [1_000_000]]) {
      expect((await readTexts(inBlocks(file, sizes), "mboxrd", 1_000_000)).texts).toEqual(texts);
    }
  });

  test.each<[string, string, string]>([
    ["no empty line at the end", `${dated}${text}`, text],
    ["no line end at the end", `${dated}${text}end`, `${text}end`],
    ["one empty line is not part of it", `${dated}${text}\n`, text],
    ["the others are", `${dated}${text}\n\n\n`, `${text}\n\n`],
    ["with CRLF", `${dated}${text}\r\n\r\n`, `${text}\r\n`],
  ])("where it ends: %s", async (_name, file, expected) => {
    for (const sizes of [[1], [2], [1_000_000]]) {
      expect((await readTexts(inBlocks(file, sizes), "mboxrd", 0)).texts).toEqual([expected]);
    }
  });

  test("text in front of the first message is a problem of its own, and the messages follow", async () => {
    const found: (string | undefined)[] = [];
    const store = inBlocks(`Dear all,\n\n${dated}${text}\n`, [3]);
    for await (const each of readMbox(store, "/in.mbox", readOptions(["x"], {}))) {
      found.push(each.found.problem?.code ?? each.found.message?.from);
    }
    expect(found).toEqual(["not-a-message", "a@example.org"]);
  });

  test("an empty file has no messages", async () => {
    expect((await readTexts(inBlocks("", [1]), "mboxrd", 0)).texts).toEqual([]);
    expect((await readTexts(inBlocks("\n\n", [1]), "mboxrd", 0)).texts).toEqual([]);
  });
});
