import { isAscii, isUtf8 } from "node:buffer";
import type { Message } from "../../index.ts";
import { type Known, readEnvelope } from "./envelope.ts";
import { type Header, readHeader } from "./header.ts";
import type { InputOptions, InputProblem, Origin, ProblemCode } from "./input.ts";
import { sentText, type Text, textDigest } from "./text.ts";

/** What a reader finds: a message, or why there is none. */
export type Found = { readonly message: Message<Origin>; readonly problem?: undefined } | FoundProblem;

interface FoundProblem {
  readonly message?: undefined;
  readonly problem: InputProblem;
}

/** The options that decide what a message becomes. */
export type MessageOptions = Pick<InputOptions, "from" | "to" | "reversePath"> & {
  readonly inMemory: number;
};

/** What a message is besides its text. */
export interface Given {
  readonly origin: Origin;
  /** What names its place in each run. Default: the origin's path, line and octet. */
  readonly name?: string | undefined;
  /** The `From ` line of an mbox file. */
  readonly fromLine?: string | undefined;
  /** A line of JSON Lines. Where the text is part of it, nobody need find a message in it. */
  readonly line?:
    | { readonly octets: Buffer; readonly fields: Partial<Message>; readonly withText: boolean }
    | undefined;
}

/** Makes a message of a text. */
export function toMessage(text: Text, given: Given, options: MessageOptions): Found {
  const { origin, line, fromLine } = given;
  const header = readHeader(text.first);
  const unfit = line?.withText ? undefined : unfitText(text, header);
  if (unfit !== undefined) return problem(origin, ...unfit);
  const known: Known = {
    from: options.from ?? line?.fields.from,
    to: options.to ?? line?.fields.to,
    fromLine,
  };
  const envelope = readEnvelope(header.fields, known, options.reversePath);
  if (envelope.code !== undefined) return problem(origin, envelope.code, envelope.reason);
  const { from, to } = envelope;
  const international = isInternational(text.first.subarray(0, header.octets));
  const message: Message<Origin> = {
    ...(international && { smtputf8: true }),
    ...line?.fields,
    id: line?.fields.id ?? `${given.name ?? place(origin)}#${textDigest(text, line?.octets)}`,
    from,
    to,
    ...sentText(text, header, options.inMemory),
    tag: origin,
  };
  return { message };
}

/** Why there is no message. */
export function problem(origin: Origin, code: ProblemCode, reason: string, cause?: unknown): FoundProblem {
  const message = `${place(origin)}: ${printable(reason)}`;
  return { problem: { code, message, origin, ...(cause !== undefined && { cause }) } };
}

/** Where a message stands, for people and for ids: without control characters, which neither may have. */
function place({ path, line, offset }: Origin): string {
  const file = printable(path === "-" ? "standard input" : path);
  if (line !== undefined) return `${file}:${line}`;
  return offset === undefined ? file : `${file}:+${offset}`;
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => encodeURIComponent(character));
}

function unfitText({ first, size }: Text, header: Header): [ProblemCode, string] | undefined {
  if (size === 0) return ["not-a-message", "it is empty: remove it, or write the message anew"];
  if (!header.begun) {
    const start = JSON.stringify(first.toString("latin1", 0, 30).split(/[\r\n]/, 1)[0]);
    return ["not-a-message", `it begins with ${start}, which is no header field: is it a message at all?`];
  }
  if (!header.ended && size > first.length) {
    return ["too-long", `its header section has more than ${first.length} octets: is an empty line missing?`];
  }
  return undefined;
}

/** Whether a header section has characters beyond ASCII as they are, RFC 6532. Other octets make it no such one. */
function isInternational(head: Buffer): boolean {
  return !isAscii(head) && isUtf8(head);
}
