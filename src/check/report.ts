/** What a check of a server found. */
export interface ServerReport {
  readonly host: string;
  readonly port: number;
  /** Why no session came about; then nothing else is known. */
  readonly failure?: string;
  /** Its first reply. */
  readonly greeting?: string;
  /** E.g. `"TLSv1.3"`; missing in plain text. */
  readonly tlsVersion?: string;
  /** Whether its certificate was verified. */
  readonly verified?: boolean;
  /** How the session authenticated. */
  readonly mechanism?: string;
  /** The extensions that it offers, each with its parameters. */
  readonly offers: Readonly<Record<string, string>>;
  /** Milliseconds to the server and back: the shortest of three NOOPs. */
  readonly roundTripMs?: number;
  /** What was tried, in order. */
  readonly trials: readonly Trial[];
  /** What is safe to use with it: values of the session's options, and why. */
  readonly advice: readonly Advice[];
}

/** One thing that was tried. */
export interface Trial {
  readonly name: string;
  /** Whether it went as it should. */
  readonly ok: boolean;
  readonly found: string;
}

/** What an option should be. */
export interface Advice {
  /** As it stands among the options, e.g. `pipelining: "transaction"`. */
  readonly option: string;
  readonly why: string;
}
