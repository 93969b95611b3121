/** How a model server that offers CHUNKING handles it: all false or undefined is a sound one. */
export interface ChunkingScript {
  /** Runs the octets of a text for nobody as commands (emersion/go-smtp#315). Else swallows them, RFC 3030 §2. */
  readonly leaksUnreceivable: boolean;
  /** Runs the octets of a chunk that exceeds SIZE as commands, like Exim. */
  readonly leaksTooLarge: boolean;
  /** Answers a LAST that it takes twice, like subethasmtp. */
  readonly answersTwice: boolean;
  /** Answers a RSET between two chunks 250 and reads on as text, like Exim. */
  readonly readsOnBehindReset: boolean;
  /** Answers LAST and RSET in the same words. */
  readonly alike: boolean;
  /** Behind its first text it says nothing until it has taken so many more, or until a second passes. */
  readonly holds: number | undefined;
  /** Behind so many transactions in vain it says to RSET 554 and hangs up, like Exim. */
  readonly mostInVain: number | undefined;
  /** What becomes of what is in its buffer behind a LAST. */
  readonly behindLast: "sound" | "refuses" | "swallows";
}

export const SOUND_CHUNKING: ChunkingScript = {
  leaksUnreceivable: false,
  leaksTooLarge: false,
  answersTwice: false,
  readsOnBehindReset: false,
  alike: false,
  holds: undefined,
  mostInVain: undefined,
  behindLast: "sound",
};

/** How long a server that holds its replies back waits for more, in milliseconds. */
export const PATIENCE = 1_000;

/** A line that announces a chunk. */
export interface Chunk {
  readonly size: number;
  readonly last: boolean;
}

export function chunkOf(line: string): Chunk | undefined {
  const [, size, last] = /^BDAT (\d{1,10})( LAST)?$/i.exec(line) ?? [];
  return size === undefined ? undefined : { size: Number(size), last: last !== undefined };
}

/** The chunks of the text that a server is being given. */
export class Chunks {
  #octets = "";
  #state: "none" | "open" | "failed" = "none";

  /** What was taken so far. */
  get octets(): string {
    return this.#octets;
  }

  /** A chunk was given, and LAST was not. */
  get begun(): boolean {
    return this.#state !== "none";
  }

  /** A chunk was refused: the text can't become whole any more, RFC 3030 §2. */
  get failed(): boolean {
    return this.#state === "failed";
  }

  take(octets: string): void {
    this.#octets += octets;
    this.#state = "open";
  }

  fail(): void {
    this.#state = "failed";
  }

  clear(): void {
    this.#octets = "";
    this.#state = "none";
  }
}
