import { isAscii } from "node:buffer";

/** How the line ends of a text are treated: made CRLF, or a bare CR or LF is an error. */
export type LineEndings = "normalize" | "reject";

/** A bare CR or LF where the caller wanted them refused. `offset` counts the octets given in, from 0. */
export class BareLineEnd extends Error {
  override readonly name = "BareLineEnd";
  readonly offset: number;

  constructor(octet: "CR" | "LF", offset: number) {
    super(`The text has a bare ${octet} at octet ${offset}`);
    this.offset = offset;
  }
}

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const NOTHING = new Uint8Array(0);
const CRLF = Uint8Array.of(CR, LF);

/** What a transform has seen of a text. */
export interface TextFacts {
  /** Octets given in. */
  readonly octetsIn: number;
  /** Octets of the canonical text, without dot-stuffing: what SIZE declares (RFC 1870 §3). */
  readonly size: number;
  /** Whether an octet above 127 was among them: the text needs 8BITMIME (RFC 6152). */
  readonly eightBit: boolean;
}

/** Makes of the blocks of a text what goes on the wire. */
export interface TextTransform extends TextFacts {
  /** The next block of the text, transformed. What needs no change is passed on, not copied. */
  push(block: Uint8Array): Uint8Array;
  /** What completes the text: a CRLF where the last line has none. The terminating "." is not part of it. */
  end(): Uint8Array;
}

/**
 * Makes a text canonical, block by block: every line ends with CRLF (RFC 5321 §2.3.8), a bare CR or LF
 * becomes one, so that no other server can see an end of text where this one saw none (CVE-2023-51764).
 * With `dotStuffing` a "." that begins a line is doubled (§4.5.2), the very first octet included.
 * A text that is canonical already passes octet for octet.
 */
export class CanonicalText implements TextTransform {
  octetsIn = 0;
  size = 0;
  eightBit = false;
  readonly #reject: boolean;
  readonly #stuff: boolean;
  #lineStart = true;
  #afterCR = false;

  constructor(lineEndings: LineEndings, dotStuffing: boolean) {
    this.#reject = lineEndings === "reject";
    this.#stuff = dotStuffing;
  }

  push(block: Uint8Array): Uint8Array {
    const octetsBefore = this.octetsIn;
    this.octetsIn += block.length;
    this.eightBit ||= !isAscii(block);
    // Nearly every block passes as it is: that is seen ten times faster than by going through its octets.
    return this.#passes(block) ? block : this.#rewrite(block, octetsBefore);
  }

  /** Whether a block is canonical: each CR is followed by LF, each LF led by CR, and no "." is to be doubled. */
  #passes(block: Uint8Array): boolean {
    const { length } = block;
    if (length === 0) return true;
    const split = this.#afterCR;
    if (split && block[0] !== LF) return false;
    const start = split ? 1 : 0;
    if (this.#stuff && (split || this.#lineStart) && block[start] === DOT) return false;
    let cr = block.indexOf(CR, start);
    for (let lf = block.indexOf(LF, start); lf !== -1; lf = block.indexOf(LF, lf + 1)) {
      if (cr === -1 || cr !== lf - 1 || (this.#stuff && block[lf + 1] === DOT)) return false;
      cr = block.indexOf(CR, lf + 1);
    }
    if (cr !== -1 && cr < length - 1) return false;
    this.#afterCR = cr !== -1;
    this.#lineStart = block[length - 1] === LF;
    this.size += length;
    return true;
  }

  #rewrite(block: Uint8Array, octetsBefore: number): Uint8Array {
    let lineStart = this.#lineStart;
    let afterCR = this.#afterCR;
    // At worst each octet becomes two, and the LF of a CR that ended the block before comes on top.
    const out = new Uint8Array(block.length * 2 + 1);
    let filled = 0;
    let stuffed = 0;
    for (let i = 0; i < block.length; i++) {
      const octet = block[i] as number;
      if (afterCR) {
        afterCR = false;
        lineStart = true;
        if (octet === LF) {
          out[filled++] = octet;
          continue;
        }
        if (this.#reject) throw new BareLineEnd("CR", octetsBefore + i - 1);
        out[filled++] = LF;
      }
      if (octet === CR) {
        afterCR = true;
      } else if (octet === LF) {
        if (this.#reject) throw new BareLineEnd("LF", octetsBefore + i);
        out[filled++] = CR;
        lineStart = true;
      } else {
        if (lineStart && this.#stuff && octet === DOT) {
          out[filled++] = DOT;
          stuffed++;
        }
        lineStart = false;
      }
      out[filled++] = octet;
    }
    this.#lineStart = lineStart;
    this.#afterCR = afterCR;
    this.size += filled - stuffed;
    return out.subarray(0, filled);
  }

  end(): Uint8Array {
    let missing = NOTHING;
    if (this.#afterCR) {
      if (this.#reject) throw new BareLineEnd("CR", this.octetsIn - 1);
      missing = CRLF.subarray(1);
    } else if (!this.#lineStart) {
      missing = CRLF;
    }
    this.#afterCR = false;
    this.#lineStart = true;
    this.size += missing.length;
    return missing;
  }
}

/** A text that passes as it is: BINARYMIME, RFC 3030 §3. */
export class BinaryText implements TextTransform {
  octetsIn = 0;
  eightBit = false;

  get size(): number {
    return this.octetsIn;
  }

  push(block: Uint8Array): Uint8Array {
    this.octetsIn += block.length;
    return block;
  }

  end(): Uint8Array {
    return NOTHING;
  }
}

/** Looks a text in memory over, before anything of it is sent. @throws BareLineEnd as the transform does. */
export function measureText(text: Uint8Array, lineEndings: LineEndings): TextFacts {
  const transform = new CanonicalText(lineEndings, false);
  transform.push(text);
  transform.end();
  return transform;
}
