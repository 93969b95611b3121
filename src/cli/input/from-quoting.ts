import type { FromQuoting } from "./input.ts";

const LF = 0x0a;
const GREATER = 0x3e;
const QUOTED = ">From ";
const FROM = "From ";

/**
 * Takes the quotes away that keep lines of a text from being `From ` lines: one `>` of `>From `, in mboxrd of
 * `>>From ` and so on too. What needs no change is passed on, not copied; hardly anything is held back.
 */
export class FromUnquoting {
  readonly #quoting: FromQuoting;
  /** The next octet begins a line, or continues a run of `>` that began one. */
  #lineStart = true;
  /** The last `>` of a run that begins a line, and what of `From ` stands behind it. */
  #held: Buffer = Buffer.alloc(0);
  /** The held `>` is not the first of its run. */
  #run = false;

  constructor(quoting: FromQuoting) {
    this.#quoting = quoting;
  }

  push(block: Buffer): Buffer {
    if (this.#quoting === "none" || block.length === 0) return block;
    const octets = this.#held.length === 0 ? block : Buffer.concat([this.#held, block]);
    const out: Buffer[] = [];
    let passed = 0;
    for (let at = octets.indexOf(QUOTED); at !== -1; at = octets.indexOf(QUOTED, at + QUOTED.length)) {
      let start = at;
      while (start > 0 && octets[start - 1] === GREATER) start--;
      const begins = start === 0 ? this.#lineStart : octets[start - 1] === LF;
      const quotes = at - start + (start === 0 && this.#run ? 2 : 1);
      if (!begins || (this.#quoting === "mboxo" && quotes > 1)) continue;
      out.push(octets.subarray(passed, at));
      passed = at + 1;
    }
    const end = this.#hold(octets);
    const last = octets.subarray(passed, end);
    return out.length === 0 ? last : Buffer.concat([...out, last]);
  }

  end(): Buffer {
    return this.#held;
  }

  /** Holds back the end of a block that may be the beginning of a quoted line. @returns where that begins */
  #hold(octets: Buffer): number {
    const newline = octets.lastIndexOf(LF);
    const start = newline + 1;
    const begins = newline !== -1 || this.#lineStart;
    let quotes = start;
    while (begins && octets[quotes] === GREATER) quotes++;
    const rest = octets.length - quotes;
    const held =
      begins && quotes > start && rest < FROM.length && FROM.startsWith(octets.toString("latin1", quotes));
    this.#run = held && (quotes - start > 1 || (newline === -1 && this.#run));
    this.#held = held ? Buffer.from(octets.subarray(quotes - 1)) : Buffer.alloc(0);
    this.#lineStart = held || start === octets.length;
    return held ? quotes - 1 : octets.length;
  }
}
