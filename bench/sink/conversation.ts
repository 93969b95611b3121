// The server's side of an SMTP conversation that takes every message, made to cost as little as possible: octets of a
// chunk are skipped, the end of a text is searched, lines are not made into strings.

/** What a conversation has taken. */
export interface Taken {
  messages: number;
  /** Recipients of the messages taken. */
  recipients: number;
  /** Octets of texts and chunks, as they were sent. */
  octets: number;
}

export const GREETING = "220 sink.example ESMTP\r\n";

const END = Buffer.from("\r\n.\r\n");
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
/** What makes a letter of ASCII a small one. */
const SMALL = 0x20202020;

function verb(name: string): number {
  return (Buffer.from(name).readInt32BE(0) | SMALL) >>> 0;
}

const EHLO = verb("EHLO");
const HELO = verb("HELO");
const MAIL = verb("MAIL");
const RCPT = verb("RCPT");
const DATA = verb("DATA");
const BDAT = verb("BDAT");
const RSET = verb("RSET");
const NOOP = verb("NOOP");
const QUIT = verb("QUIT");

const OFFER = [
  "250-sink.example",
  "250-PIPELINING",
  "250-8BITMIME",
  "250-SMTPUTF8",
  "250-ENHANCEDSTATUSCODES",
  "250 CHUNKING",
  "",
].join("\r\n");

/** One connection. */
export class Conversation {
  readonly #taken: Taken;
  #input: "commands" | "text" | "chunk" = "commands";
  #quit = false;
  /** The beginning of a line whose end has not come. */
  #line: Buffer = Buffer.alloc(0);
  /** The last octets of the text so far, at most as many as can begin its end. */
  #tail: Buffer = Buffer.alloc(0);
  /** Octets of the chunk that have not come. */
  #left = 0;
  #last = false;
  #sender = false;
  #recipients = 0;

  /** @param taken is added to as messages are taken */
  constructor(taken: Taken) {
    this.#taken = taken;
  }

  /** Whether QUIT was answered. */
  get over(): boolean {
    return this.#quit;
  }

  /** @returns the replies to what was completed by these octets */
  receive(octets: Buffer): string {
    let at = 0;
    let replies = "";
    while (at < octets.length && !this.#quit) {
      if (this.#input === "chunk") {
        const skipped = Math.min(this.#left, octets.length - at);
        at += skipped;
        this.#left -= skipped;
        if (this.#left === 0) replies += this.#chunkEnded();
      } else if (this.#input === "text") {
        const end = this.#textEnd(octets, at);
        this.#taken.octets += (end ?? octets.length) - at;
        at = end ?? octets.length;
        if (end !== undefined) replies += this.#stored();
      } else {
        const end = octets.indexOf(LF, at);
        if (end === -1) {
          this.#line = Buffer.concat([this.#line, octets.subarray(at)]);
          break;
        }
        if (this.#line.length > 0) {
          const line = Buffer.concat([this.#line, octets.subarray(at, end + 1)]);
          this.#line = Buffer.alloc(0);
          replies += this.#command(line, 0, line.length);
        } else {
          replies += this.#command(octets, at, end + 1);
        }
        at = end + 1;
      }
    }
    return replies;
  }

  #command(line: Buffer, from: number, to: number): string {
    const name = to - from < 6 ? 0 : (line.readInt32BE(from) | SMALL) >>> 0;
    switch (name) {
      case RSET:
        this.#reset();
        return "250 2.0.0 ok\r\n";
      case MAIL:
        if (this.#sender) return "503 5.5.1 a sender was given\r\n";
        this.#sender = true;
        return "250 2.1.0 ok\r\n";
      case RCPT:
        if (!this.#sender) return "503 5.5.1 MAIL first\r\n";
        this.#recipients++;
        return "250 2.1.5 ok\r\n";
      case BDAT:
        return this.#chunk(line, from + 4, to);
      case DATA:
        if (this.#recipients === 0) return "503 5.5.1 no valid recipients\r\n";
        this.#input = "text";
        // The line end of DATA may be that before the dot: an empty text.
        this.#tail = END.subarray(0, 2);
        return "354 go\r\n";
      case EHLO:
        this.#reset();
        return OFFER;
      case HELO:
        this.#reset();
        return "250 sink.example\r\n";
      case NOOP:
        return "250 2.0.0 nothing done\r\n";
      case QUIT:
        this.#quit = true;
        return "221 2.0.0 bye\r\n";
      default:
        return "500 5.5.2 unknown command\r\n";
    }
  }

  #reset(): void {
    this.#sender = false;
    this.#recipients = 0;
  }

  #stored(): string {
    this.#taken.messages++;
    this.#taken.recipients += this.#recipients;
    this.#reset();
    this.#input = "commands";
    // Not in the words that answer RSET: a client may tell by them which of the two was answered.
    return "250 2.0.0 stored\r\n";
  }

  #chunk(line: Buffer, from: number, to: number): string {
    let size = 0;
    let digits = 0;
    let at = from;
    while (line[at] === SPACE) at++;
    for (; at < to; at++) {
      const octet = line[at] ?? 0;
      if (octet < ZERO || octet > NINE) break;
      size = size * 10 + (octet - ZERO);
      digits++;
    }
    if (digits === 0) return "501 5.5.4 BDAT needs a size\r\n";
    // Behind the size stands a line end, or LAST.
    this.#last = line[at] !== CR && line[at] !== LF;
    this.#left = size;
    if (size === 0) return this.#chunkEnded();
    this.#input = "chunk";
    if (this.#recipients > 0) this.#taken.octets += size;
    return "";
  }

  #chunkEnded(): string {
    this.#input = "commands";
    if (this.#recipients === 0) return "503 5.5.1 no valid recipients\r\n";
    return this.#last ? this.#stored() : "250 2.0.0 continue\r\n";
  }

  /** Where the text ends, behind its dot and line end; undefined if not in these octets. */
  #textEnd(octets: Buffer, from: number): number | undefined {
    // It may have begun in the octets before.
    const seam = Buffer.concat([this.#tail, octets.subarray(from, from + END.length - 1)]);
    const across = seam.indexOf(END);
    if (across !== -1) return from + across + END.length - this.#tail.length;
    const end = octets.indexOf(END, from);
    if (end !== -1) return end + END.length;
    const rest = octets.subarray(Math.max(from, octets.length - END.length + 1));
    this.#tail = Buffer.concat([this.#tail, rest]).subarray(-(END.length - 1));
    return undefined;
  }
}
