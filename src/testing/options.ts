import type { TlsOptions } from "node:tls";
import { checkKey, names, type TestCommand } from "./command.ts";
import type { Fault } from "./faults.ts";

/**
 * A reply that is programmed: lines without their line ends, several of them parted by `\n` (`"250-a\n250 b"`). It need not
 * be a proper one. `""`: none. With a code of the kind that is due (2yz to MAIL, 3yz to DATA) the server also does what was
 * asked; with any other it does not. It hangs up behind a 421, as RFC 5321 §3.8 has it.
 */
export type ProgrammedReply = string;

/** Answers commands itself: returns the reply, or (a promise of) undefined for what the server would say. */
export type Answer = (
  command: TestCommand,
) => ProgrammedReply | undefined | Promise<ProgrammedReply | undefined>;

/** What a server gets wrong all the time, as servers were seen to. */
export interface Flaws {
  /** Keeps a transaction open behind a text that it refused, or behind every one: the next MAIL gets 503. */
  readonly keepsTransaction?: "refused" | "always";
  /** Runs the octets of a BDAT that it refuses as commands. */
  readonly runsRefusedChunks?: boolean;
  /** Answers the commands that came together with the end of a text with 503, or not at all. */
  readonly behindText?: "refuses" | "swallows";
  /** Goes on behind a 421. */
  readonly staysBehind421?: boolean;
}

/** Options of a test server. All have defaults: a server on a free port that takes everything. */
export interface TestServerOptions {
  /** Default `"127.0.0.1"`. */
  readonly host?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** A Unix socket instead: its path. */
  readonly path?: string;
  /** `"smtp"` (default), or `"lmtp"`: LHLO, and an answer to a text for each recipient (RFC 2033). */
  readonly protocol?: "smtp" | "lmtp";
  /**
   * The lines of the EHLO reply. `STARTTLS` and `AUTH` come by `tls` and `accounts`.
   * Default: PIPELINING, 8BITMIME, SMTPUTF8, DSN, ENHANCEDSTATUSCODES. CHUNKING and `SIZE n` are heeded where they stand here.
   */
  readonly extensions?: readonly string[];
  /** `"off"` (default), `"starttls"`: offered; `"implicit"`: from the first octet. */
  readonly tls?: "off" | "starttls" | "implicit";
  /** Options of `node:tls`. Default: the certificate that {@link TestServer.certificate} is. */
  readonly tlsOptions?: TlsOptions;
  /** Passwords by user. With them AUTH PLAIN and LOGIN are offered (under TLS, where there is), and MAIL needs it. */
  readonly accounts?: Readonly<Record<string, string>>;
  /**
   * Replies that are other than the server's own. By what the command's line begins with (`"RCPT TO:<full@"`; the longest
   * counts; `"greeting"`; `"text"` for the end of a text, in LMTP also `"text <full@"`), a reply or a function. Or one
   * function for all.
   */
  readonly replies?: Readonly<Record<string, ProgrammedReply | Answer>> | Answer;
  /** Milliseconds that octets are on their way, in each direction. Default 0. */
  readonly latency?: number;
  /** What goes wrong, once: {@link cut}, {@link stall}, {@link surplus}, {@link stopReading}. */
  readonly faults?: readonly Fault[];
  /** What goes wrong all the time. Default: nothing. */
  readonly flaws?: Flaws;
}

/** Options with every default filled in. */
export interface Settings {
  readonly lmtp: boolean;
  readonly extensions: readonly string[];
  readonly tls: "off" | "starttls" | "implicit";
  readonly accounts: Readonly<Record<string, string>>;
  readonly answer: Answer;
  readonly latency: number;
  readonly flaws: Flaws;
}

const EXTENSIONS = ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"];

const NAMES: ReadonlySet<string> = new Set([
  "host",
  "port",
  "path",
  "protocol",
  "extensions",
  "tls",
  "tlsOptions",
  "accounts",
  "replies",
  "latency",
  "faults",
  "flaws",
] satisfies (keyof TestServerOptions)[]);

/** @throws TypeError for an option that there is not, and for a key of `replies` that can name no command */
export function readOptions(options: TestServerOptions): Settings {
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) throw new TypeError(`There is no option ${JSON.stringify(name)}`);
  }
  const { replies = {}, latency = 0 } = options;
  if (!(latency >= 0)) throw new TypeError(`latency: ${latency} is no time in milliseconds`);
  return {
    lmtp: options.protocol === "lmtp",
    extensions: options.extensions ?? EXTENSIONS,
    tls: options.tls ?? "off",
    accounts: options.accounts ?? {},
    answer: typeof replies === "function" ? replies : answerOf(replies),
    latency,
    flaws: options.flaws ?? {},
  };
}

function answerOf(replies: Readonly<Record<string, ProgrammedReply | Answer>>): Answer {
  const keys = Object.keys(replies).sort((a, b) => b.length - a.length);
  for (const key of keys) checkKey(key, "replies");
  return (command) => {
    const key = keys.find((each) => names(each, command));
    const reply = key === undefined ? undefined : replies[key];
    return typeof reply === "function" ? reply(command) : reply;
  };
}
