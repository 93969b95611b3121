import type { Capabilities } from "../protocol/capabilities.ts";
import { type Limits, type Window, WORTH_A_BURST } from "../protocol/limits.ts";
import { type Reply, replyClass } from "../protocol/reply.ts";
import { Flight } from "./flight.ts";
import type { PendingExchange } from "./group.ts";
import type { Trust } from "./peer.ts";
import type { TextForm, Transaction } from "./transaction.ts";

/** Whether texts go with BDAT: in bursts, only behind the replies to RCPT, or not at all. */
export type ChunkingMode = "auto" | "strict" | "off";

export interface ChunkingOptions {
  readonly chunking: ChunkingMode;
  readonly pipelining: "auto" | "transaction" | "off";
  readonly protocol: "smtp" | "lmtp";
  readonly limits: Limits;
  readonly window: Window;
}

/** What the discard probe writes as a text: no verb that a server knows, so that one that runs it as a command shows. */
export const PROBE_TEXT = "XPRB\r\n";

/** What the replies to the discard probe say. */
export type ProbeVerdict =
  /** Octets of a BDAT that is refused are swallowed. */
  | "sound"
  /** It can't be said; the text goes with DATA. */
  | "inconclusive"
  /** A text for nobody was taken. */
  | "unfit"
  /** Octets were run as commands, or replies were lost: both sides are out of step. */
  | "outOfStep";

/**
 * Which form texts take, and how many are in flight. What a burst relies on is made sure of before the first one:
 * that the server swallows the octets of a text that it refuses (the discard probe), and that its reply to a text can
 * be told from that to RSET (the first message, alone).
 */
export class Chunking {
  readonly #options: ChunkingOptions;
  readonly #trust: Trust;
  readonly flight: Flight;
  readonly #probe: PendingExchange[] = [];
  #probed: "no" | "pending" | "sound" | "failed" = "no";
  /** How the server answers RSET. */
  #resetReply: Reply | undefined;
  #resetAsked = false;

  constructor(options: ChunkingOptions, trust: Trust) {
    this.#options = options;
    this.#trust = trust;
    this.flight = new Flight(options.window);
  }

  /** The form that a text takes now. */
  formOf({ text }: Transaction, capabilities: Capabilities, pipelining: boolean): TextForm {
    const { chunking } = this.#options;
    const { chunking: trusted } = this.#trust;
    if (chunking === "off" || trusted === "unfit" || !capabilities.has("CHUNKING")) return "data";
    // One command at a time BDAT gains nothing.
    if (!pipelining) return text.body === "BINARYMIME" ? "strict" : "data";
    if (chunking === "strict" || trusted === "strict") return "strict";
    if (this.#burstsAllowed && (trusted === "proven" || this.#probeStands)) return "burst";
    // Too few for a probe: DATA takes as many round trips, and nothing can leak.
    return text.body === "BINARYMIME" ? "strict" : "data";
  }

  /** Whether the text of this transaction waits for the replies to RCPT. */
  waits({ text, form, requireAllRecipients }: Transaction): boolean {
    if (form === "data") return requireAllRecipients;
    const large = text.whole !== true || (text.size ?? 0) > this.#options.limits.strictAbove;
    return form === "strict" || requireAllRecipients || large || !this.proven;
  }

  /** Bursts may have several messages in flight. */
  get proven(): boolean {
    return this.#trust.chunking === "proven";
  }

  /** Whether a text of usual shape goes in a burst of several. */
  bursts(capabilities: Capabilities, pipelining: boolean): boolean {
    const wanted = this.#options.chunking === "auto" && pipelining && this.#burstsAllowed;
    return wanted && this.proven && capabilities.has("CHUNKING");
  }

  /** Whether the probe is due, with so many messages waiting. */
  probeDue(waiting: number, capabilities: Capabilities, pipelining: boolean): boolean {
    return (
      waiting >= WORTH_A_BURST &&
      pipelining &&
      this.#options.chunking === "auto" &&
      this.#burstsAllowed &&
      this.#probed === "no" &&
      this.#trust.chunking === "unproven" &&
      capabilities.has("CHUNKING")
    );
  }

  get #burstsAllowed(): boolean {
    const { pipelining, protocol } = this.#options;
    return pipelining === "auto" && protocol === "smtp" && this.#trust.followOn !== "unfit";
  }

  get #probeStands(): boolean {
    return this.#probed === "pending" || this.#probed === "sound";
  }

  /** Whether RSET has to lead the first envelope of all, so that its words are known. */
  learnsReset(): boolean {
    const first = !this.#resetAsked && this.#resetReply === undefined && this.#probed === "no";
    this.#resetAsked = true;
    return first;
  }

  /** A command of the probe was written. */
  probes(exchange: PendingExchange): void {
    this.#probed = "pending";
    this.#probe.push(exchange);
  }

  isProbe(exchange: PendingExchange): boolean {
    return this.#probed === "pending" && this.#probe.includes(exchange);
  }

  /** Whether it is the RSET that begins the probe. */
  leadsProbe(exchange: PendingExchange): boolean {
    return exchange === this.#probe[0];
  }

  /** A command of the probe was answered. @returns what it says, once all are */
  probeAnswered(exchange: PendingExchange): ProbeVerdict | undefined {
    if (exchange !== this.#probe.at(-1)) return undefined;
    const [reset, mail, bdat, again] = this.#probe.map(({ reply }) => reply);
    const verdict = verdictOn(reset, mail, bdat, again);
    this.#probed = verdict === "sound" ? "sound" : "failed";
    this.#probe.length = 0;
    if (again !== undefined) this.#resetReply = again;
    return verdict;
  }

  /** Whether a text was answered in the words in which RSET is, though they can be told apart: a reply is missing. */
  saysReset(reply: Reply): boolean {
    return this.proven && this.#resetReply !== undefined && alike(reply, this.#resetReply);
  }

  /** RSET was answered 2yz. @returns whether in the words in which it has been before */
  resetAnswered(reply: Reply): boolean {
    this.#resetReply ??= reply;
    return alike(reply, this.#resetReply);
  }
}

function verdictOn(
  reset: Reply | undefined,
  mail: Reply | undefined,
  bdat: Reply | undefined,
  again: Reply | undefined,
): ProbeVerdict {
  if (reset === undefined || mail === undefined || bdat === undefined || again === undefined)
    return "outOfStep";
  if (!alike(reset, again)) return "outOfStep";
  // A text taken whose MAIL was refused: a reply is missing, or too many.
  if (replyClass(mail) !== 2 && replyClass(bdat) === 2) return "outOfStep";
  if (replyClass(mail) !== 2 || replyClass(bdat) === 4) return "inconclusive";
  return replyClass(bdat) === 5 ? "sound" : "unfit";
}

/** Whether two replies are the same word for word. */
export function alike(a: Reply, b: Reply): boolean {
  return a.code === b.code && a.text === b.text;
}
