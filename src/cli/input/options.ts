import type { Readable } from "node:stream";
import type { FromQuoting, InputKind, InputOptions } from "./input.ts";
import { HEADER_OCTETS, IN_MEMORY_OCTETS } from "./limits.ts";
import type { MessageOptions } from "./message.ts";
import type { FileKind } from "./sources.ts";

/** The options with their defaults. */
export interface Settings extends MessageOptions {
  readonly told: InputKind | undefined;
  /** What a file is, where that was told. */
  readonly fileKind: FileKind | undefined;
  readonly quoting: FromQuoting;
  /** Octets of a text that are read before it is known what becomes of it. */
  readonly beginning: number;
  readonly stdin: Readable | undefined;
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
}

const KINDS: readonly unknown[] = ["auto", "eml", "mbox", "jsonl", "maildir"];
const QUOTINGS: readonly unknown[] = ["mboxrd", "mboxo", "none"];
const REVERSE_PATHS: readonly unknown[] = ["envelope", "header"];

/** @throws TypeError that names what is wrong */
export function readOptions(sources: readonly string[], options: InputOptions): Settings {
  const {
    kind = "auto",
    quoting = "mboxrd",
    reversePath = "envelope",
    inMemory = IN_MEMORY_OCTETS,
    from,
    to,
    stdin,
    directory = process.cwd(),
    signal,
  } = options;
  if (sources.length === 0) throw new TypeError("There is no source: give a file, a directory, or -");
  if (sources.some((source) => source === "")) throw new TypeError("A source is empty");
  if (sources.filter((source) => source === "-").length > 1) {
    throw new TypeError("Standard input (-) is given twice: it can be read but once");
  }
  within("kind", kind, KINDS);
  within("quoting", quoting, QUOTINGS);
  within("reversePath", reversePath, REVERSE_PATHS);
  if (!Number.isSafeInteger(inMemory) || inMemory < 0)
    throw new TypeError("inMemory must be octets, 0 or more");
  if (Array.isArray(to) && to.length === 0) throw new TypeError("to has no recipient");
  const told = kind === "auto" ? undefined : kind;
  const fileKind = told === "maildir" ? "eml" : told;
  const beginning = Math.max(HEADER_OCTETS, inMemory);
  return { told, fileKind, quoting, beginning, reversePath, inMemory, from, to, stdin, directory, signal };
}

function within(name: string, value: unknown, values: readonly unknown[]): void {
  if (!values.includes(value))
    throw new TypeError(`${name} must be one of ${values.join(", ")}, not ${value}`);
}
