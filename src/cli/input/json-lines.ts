import type { Message } from "../../index.ts";
import { LINE_OCTETS } from "./limits.ts";

const LF = 0x0a;

/** A line of a file. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** Where the next line begins, in octets of the file. */
  readonly end: number;
  /** Without its end; undefined if it is longer than is read. */
  readonly octets: Buffer | undefined;
}

/** The lines of a file, which LF ends: JSON has other line ends within strings. */
export async function* lines(blocks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  let number = 0;
  let end = 0;
  const close = (): Line => {
    const octets = length > LINE_OCTETS ? undefined : Buffer.concat(parts);
    parts = [];
    length = 0;
    return { number: ++number, end, octets };
  };
  const add = (part: Buffer): void => {
    length += part.length;
    end += part.length;
    if (length > LINE_OCTETS) parts = [];
    else parts.push(part);
  };
  for await (const block of blocks) {
    let from = 0;
    for (let at = block.indexOf(LF); at !== -1; at = block.indexOf(LF, from)) {
      add(block.subarray(from, at));
      end++;
      from = at + 1;
      yield close();
    }
    if (from < block.length) add(block.subarray(from));
  }
  if (length > 0) yield close();
}

/** An envelope as a line has it. `file` stands for `data`. */
export type LineEnvelope = Partial<Omit<Message, "signal" | "size" | "data">> & {
  readonly data?: string;
  readonly file?: string;
};

type Check = (value: unknown) => string | undefined;

const string: Check = (value) => (typeof value === "string" ? undefined : "must be a string");
const boolean: Check = (value) => (typeof value === "boolean" ? undefined : "must be true or false");
const number: Check = (value) => (typeof value === "number" ? undefined : "must be a number");

function oneOf(...values: readonly string[]): Check {
  const list = values.map((value) => JSON.stringify(value)).join(", ");
  return (value) => (values.includes(value as string) ? undefined : `must be one of ${list}`);
}

/** A record of given fields, of which some must be there. */
function record(fields: Readonly<Record<string, Check>>, ...required: readonly string[]): Check {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
    for (const name of required) if (!(name in value)) return `lacks ${name}`;
    for (const [name, content] of Object.entries(value)) {
      const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (check === undefined)
        return `has the unknown field ${JSON.stringify(name)}; known are ${Object.keys(fields).join(", ")}`;
      const problem = check(content);
      if (problem !== undefined) return `has ${name}, which ${problem}`;
    }
    return undefined;
  };
}

const CONDITIONS = oneOf("SUCCESS", "FAILURE", "DELAY");

const notify: Check = (value) => {
  if (value === "NEVER") return undefined;
  const fit =
    Array.isArray(value) &&
    value.length > 0 &&
    new Set(value).size === value.length &&
    value.every((each) => CONDITIONS(each) === undefined);
  return fit ? undefined : 'must be "NEVER" or an array of "SUCCESS", "FAILURE" and "DELAY", each once';
};

const recipient: Check = (value) =>
  typeof value === "string" ? undefined : RECIPIENT(value)?.replace(/^must be/, "must be a string or");

const RECIPIENT = record({ address: string, notify, orcpt: string }, "address");

/** All that a message can have but a signal, and a size, which is counted. */
const FIELDS: Readonly<Record<Exclude<keyof Message, "signal" | "size"> | "file", Check>> = {
  from: string,
  to: (value) => {
    if (!Array.isArray(value)) return recipient(value);
    if (value.length === 0) return "must have a recipient";
    return value.map(recipient).find((problem) => problem !== undefined);
  },
  data: (value) =>
    typeof value === "string" && !/\p{Cs}/u.test(value) ? undefined : "must be a string of whole characters",
  file: (value) => (typeof value === "string" && /^[^\0]+$/.test(value) ? undefined : "must be a path"),
  id: (value) =>
    typeof value === "string" && /^\P{Cc}+$/u.test(value)
      ? undefined
      : "must be a string of at least one character, none of them a control character",
  tag: () => undefined,
  body: oneOf("7BIT", "8BITMIME", "BINARYMIME"),
  requireAllRecipients: boolean,
  smtputf8: boolean,
  requireTls: boolean,
  dsn: record({ envid: string, ret: oneOf("FULL", "HDRS") }),
  deliverBy: record({ seconds: number, mode: oneOf("R", "N"), trace: boolean }, "seconds", "mode"),
  mtPriority: number,
  holdFor: number,
  holdUntil: string,
};

const ENVELOPE = record(FIELDS);

/** Reads an envelope. @returns it, without fields that are null, or what is wrong with the line */
export function readLine(octets: Buffer): LineEnvelope | { readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(octets));
  } catch (error) {
    const wrong = error instanceof SyntaxError ? error.message : "it is not UTF-8";
    return { wrong: `it is no JSON (${wrong}): each line is to be one object` };
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    value = Object.fromEntries(Object.entries(value).filter(([, content]) => content !== null));
  }
  const wrong = ENVELOPE(value);
  if (wrong !== undefined) return { wrong: `the envelope ${wrong}` };
  const envelope = value as LineEnvelope;
  if ((envelope.data === undefined) === (envelope.file === undefined)) {
    return {
      wrong: `the envelope has ${envelope.data === undefined ? "neither" : "both"} of data and file: give one`,
    };
  }
  return envelope;
}
