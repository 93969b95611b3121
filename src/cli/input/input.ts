import type { Readable } from "node:stream";
import type { Message, MessageRecipient } from "../../index.ts";

/** What a file is: one message (RFC 5322), many in mbox format, envelopes as JSON Lines, or a Maildir. */
export type InputKind = "eml" | "mbox" | "jsonl" | "maildir";

/**
 * How the lines of a text that begin with `From ` were written into an mbox file. They are read back so.
 * `"mboxrd"`: every `>*From ` has one `>` more. `"mboxo"`, which is also that of mboxcl: only `From ` has one.
 * `"none"`: none has.
 */
export type FromQuoting = "mboxrd" | "mboxo" | "none";

/** How messages are found, and what their envelopes are. */
export interface InputOptions {
  /**
   * What every source is; a directory that is no Maildir is gone through, and its files are of that kind.
   * Default `"auto"`: by its first octets and its name. `From ` begins an mbox file, `{` begins JSON Lines (in a
   * directory only if the name ends in `.jsonl` or `.ndjson`), a header field begins a message. A directory with
   * `cur` and `new` is a Maildir.
   */
  readonly kind?: InputKind | "auto" | undefined;
  /** The reverse-path of every message, whatever it says itself; `""` is the null reverse-path. */
  readonly from?: string | undefined;
  /** The forward-paths of every message, whatever it says itself: nobody else gets it. */
  readonly to?: MessageRecipient | readonly MessageRecipient[] | undefined;
  /**
   * Where a reverse-path comes from that nobody gave. `"envelope"` (default): from `Return-Path`, then from the
   * `From ` line of an mbox file if it has an address with a full domain name, then from the header fields that name
   * the sender. `"header"`: from those alone.
   */
  readonly reversePath?: "envelope" | "header" | undefined;
  /** How mbox files were written. Default `"mboxrd"`. */
  readonly quoting?: FromQuoting | undefined;
  /**
   * Octets of a text up to which its data is a `Uint8Array`, which goes in bursts; above it is a function that reads
   * it anew, as it is sent. Default 262,144, as the session's `limits.strictAbove`.
   */
  readonly inMemory?: number | undefined;
  /** What the source `-` reads from. Default `process.stdin`. */
  readonly stdin?: Readable | undefined;
  /** The directory that relative paths start from. Default `process.cwd()`. */
  readonly directory?: string | undefined;
  /** Ends the reading: the iteration rejects with its reason, also while it waits for standard input. */
  readonly signal?: AbortSignal | undefined;
}

/** Where a message stands. It is the `tag` of the message, so it comes back on its delivery. */
export interface Origin {
  /** The absolute path of the file; `-` for standard input. */
  readonly path: string;
  /** The line in a file of JSON Lines, from 1. */
  readonly line?: number;
  /** The octet in an mbox file at which its `From ` line begins, from 0. */
  readonly offset?: number;
  /** The `tag` of a line of JSON Lines. */
  readonly tag?: unknown;
}

/** Why there is no message to be sent. */
export type ProblemCode =
  /** The file or directory can't be read. */
  | "unreadable"
  /** It is something else than a message, an mbox file or JSON Lines. */
  | "not-a-message"
  /** The line is no JSON, or no envelope. */
  | "bad-line"
  /** Nobody is given to send it, or it can't be told who. */
  | "no-sender"
  /** Nobody is given to send it to. */
  | "no-recipients"
  /** It is longer than is read: its header section, or its line. */
  | "too-long";

/** A message that can't be sent as it stands. The others can. */
export interface InputProblem {
  readonly code: ProblemCode;
  /** One line for people: where it stands, what is wrong, and what to do. Without control characters. */
  readonly message: string;
  readonly origin: Origin;
  readonly cause?: unknown;
}

/** How much was read. */
export interface InputAmount {
  /** Files read to their end. */
  readonly files: number;
  readonly octets: number;
}

/** A message that was read, or why there is none. */
export type Input =
  | { readonly message: Message<Origin>; readonly problem?: undefined; readonly read: InputAmount }
  | { readonly message?: undefined; readonly problem: InputProblem; readonly read: InputAmount };

/** How much there is to be read: `read[unit] / amount` of it is done. */
export interface InputTotal {
  /** `"files"` where each is one message as far as its name tells; counting them is cheap. */
  readonly unit: keyof InputAmount;
  readonly amount: number;
}

/**
 * Messages, in the order of the sources; in a directory by name. Nothing is opened before they are asked for, and no
 * more is in memory than the message at hand and a few behind it; of a directory the names of its entries.
 *
 * Every message has an `id` that is the same in each run over the same input, and another where its text's header
 * section is another:
 * the `id` of its line; else the path and, if it is not alone in its file, line or octet, and a digest. In a Maildir
 * the path is without subdirectory and flags, which change.
 *
 * Its `data` can be read again. The fields Bcc and Resent-Bcc are not in it (RFC 5322 §3.6.3); nothing else is changed.
 */
export interface InputMessages extends AsyncIterable<Input> {
  /**
   * Counts what there is, without reading it. Undefined if it can't be known: with standard input, or a pipe.
   * Rejects as the iteration does.
   */
  total(): Promise<InputTotal | undefined>;
}

/** A source can't be read at all. Nothing was yielded before: whether all can be opened is seen first. */
export class InputError extends Error {
  override readonly name = "InputError";
  /** As it was given. */
  readonly source: string;

  constructor(source: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.source = source;
  }
}
