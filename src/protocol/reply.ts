import { Buffer } from "node:buffer";
import { SmtpError } from "./errors.ts";
import type { Limits } from "./limits.ts";

/** A server's reply, RFC 5321 §4.2. */
export interface Reply {
  /** The three-digit code, e.g. 250. */
  readonly code: number;
  /** The enhanced status code of RFC 3463, e.g. `"5.1.1"`, if the first line begins with one that fits the code. */
  readonly enhanced?: string;
  /** The lines without code and separator. */
  readonly lines: readonly string[];
  /** The lines joined by `\n`. */
  readonly text: string;
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const HYPHEN = 0x2d;
const ZERO = 0x30;
const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3}(?: |$)/;

/**
 * Builds a reply from its code and lines.
 * The enhanced code counts only if its class is the class of the code (RFC 2034 §4): `250 5.1.1` has none.
 */
export function makeReply(code: number, lines: readonly string[]): Reply {
  const first = lines[0] ?? "";
  const text = lines.length === 1 ? first : lines.join("\n");
  if (first.charCodeAt(0) - ZERO !== Math.trunc(code / 100) || !ENHANCED.test(first)) {
    return { code, lines, text };
  }
  const space = first.indexOf(" ");
  return { code, enhanced: space === -1 ? first : first.slice(0, space), lines, text };
}

/** 2 for 2yz, 3 for 3yz and so on: RFC 5321 §4.2.1 lets a client act on the first digit. */
export function replyClass(reply: Reply): number {
  return Math.trunc(reply.code / 100);
}

const NOTHING = Buffer.alloc(0);

type ReplyLimits = Pick<Limits, "replyLine" | "replyLines">;

/**
 * Turns octets into replies, however they are cut into chunks.
 * A line ends with LF, a CR before it is dropped; all lines of a reply have one code (RFC 5321 §4.2.1).
 * Memory is bounded by the limits, whatever the server sends.
 */
export class ReplyParser {
  readonly #limits: ReplyLimits;
  #partial: Buffer = NOTHING;
  #code = 0;
  #lines: string[] = [];
  #octets = 0;
  #replyOctets = 0;

  constructor(limits: ReplyLimits) {
    this.#limits = limits;
  }

  /** Whether octets of an unfinished reply are held. */
  get midReply(): boolean {
    return this.#partial.length > 0 || this.#lines.length > 0;
  }

  /** Octets of the reply yielded last, line ends included. */
  get replyOctets(): number {
    return this.#replyOctets;
  }

  /**
   * Takes a chunk and yields each reply that it completes, at once: so what stands behind a reply
   * is not looked at before that reply was acted on.
   * @throws SmtpError `ESMTP_MALFORMED_REPLY` or `ESMTP_REPLY_TOO_LONG`; the parser is of no use then.
   */
  *push(chunk: Uint8Array): Generator<Reply, void, undefined> {
    const octets = asBuffer(chunk);
    let start = 0;
    for (let end = octets.indexOf(LF); end !== -1; end = octets.indexOf(LF, start)) {
      let reply: Reply | undefined;
      if (this.#partial.length > 0) {
        const line = Buffer.concat([this.#partial, octets.subarray(start, end)]);
        this.#partial = NOTHING;
        reply = this.#line(line, 0, line.length);
      } else {
        reply = this.#line(octets, start, end);
      }
      start = end + 1;
      if (reply !== undefined) yield reply;
    }
    if (start < octets.length) {
      const rest = octets.subarray(start);
      if (this.#partial.length + rest.length >= this.#limits.replyLine) throw this.#tooLong();
      this.#partial = Buffer.concat([this.#partial, rest]); // a copy: the chunk's memory belongs to the socket
    }
  }

  /** Takes the line from `start` to `lf`, without its LF. */
  #line(octets: Buffer, start: number, lf: number): Reply | undefined {
    const length = lf - start + 1;
    if (length > this.#limits.replyLine) throw this.#tooLong();
    this.#octets += length;
    const end = lf > start && octets[lf - 1] === CR ? lf - 1 : lf;
    const code = codeOf(octets, start, end);
    const separator = end > start + 3 ? octets[start + 3] : undefined;
    if (code === undefined || (separator !== undefined && separator !== SPACE && separator !== HYPHEN)) {
      throw malformed(octets.subarray(start, end), "it does not begin with a reply code");
    }
    if (this.#lines.length > 0 && code !== this.#code) {
      throw malformed(octets.subarray(start, end), `it continues a reply with the code ${this.#code}`);
    }
    const text = separator === undefined ? "" : octets.toString("utf8", start + 4, end);
    if (separator === HYPHEN) {
      this.#code = code;
      this.#lines.push(text);
      if (this.#lines.length >= this.#limits.replyLines) {
        throw new SmtpError(
          "ESMTP_REPLY_TOO_LONG",
          `A reply has more than ${this.#limits.replyLines} lines`,
          {
            retryable: true,
          },
        );
      }
      return undefined;
    }
    this.#replyOctets = this.#octets;
    this.#octets = 0;
    if (this.#lines.length === 0) return makeReply(code, [text]);
    const lines = [...this.#lines, text];
    this.#lines = [];
    return makeReply(code, lines);
  }

  #tooLong(): SmtpError {
    return new SmtpError(
      "ESMTP_REPLY_TOO_LONG",
      `A line of a reply is longer than ${this.#limits.replyLine} octets`,
      { retryable: true },
    );
  }
}

function codeOf(octets: Buffer, start: number, end: number): number | undefined {
  if (end < start + 3) return undefined;
  let code = 0;
  for (let i = start; i < start + 3; i++) {
    const digit = (octets[i] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    code = code * 10 + digit;
  }
  return code >= 100 && code < 600 ? code : undefined;
}

function malformed(line: Buffer, why: string): SmtpError {
  const shown = JSON.stringify(line.toString("utf8", 0, 80));
  return new SmtpError("ESMTP_MALFORMED_REPLY", `The server sent ${shown}, which is no SMTP reply: ${why}`, {
    retryable: true,
  });
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
}

/** A reply as one line for an error message. */
export function shown(reply: Reply): string {
  return `${reply.code} ${reply.lines.join(" / ")}`.trimEnd();
}
