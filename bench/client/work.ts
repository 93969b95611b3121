import { Readable } from "node:stream";

/** What every client does alike. */
export interface Work {
  /** Of the server, or of the proxy before it, on 127.0.0.1. */
  readonly port: number;
  readonly messages: number;
  /** Recipients of each message. */
  readonly recipients: number;
  /** Octets of each text. */
  readonly octets: number;
  /** Whether the text comes from a stream, a block at a time; else it is in memory. */
  readonly streamed: boolean;
}

export const SENDER = "from@example.org";

const LINE = "All work and no play makes Jack a dull boy, and Jill a rich one, says..\r\n";
const BLOCK = 65_536;

/** The recipients of the message with this number. */
export function recipients({ recipients: count }: Work, message: number): string[] {
  return Array.from({ length: count }, (_, i) => `to-${message}-${i}@example.net`);
}

/** A text of so many octets: a header and lines that end in CRLF. */
export function text(octets: number): Buffer {
  const lines = Buffer.from(`Subject: bench\r\n\r\n${LINE.repeat(Math.ceil(octets / LINE.length))}`);
  const cut = Buffer.from(lines.subarray(0, octets));
  cut.write("\r\n", octets - 2);
  return cut;
}

function* blocks(octets: number): Generator<Buffer, void, undefined> {
  // The same block over and over: what is measured is not how fast a text can be made.
  const block = text(BLOCK);
  for (let left = octets; left > 0; left -= BLOCK) yield left < BLOCK ? text(left) : block;
}

/** The same as a stream. It is never in memory whole. */
export function stream(octets: number): Readable {
  return Readable.from(blocks(octets), { objectMode: false, highWaterMark: BLOCK });
}
