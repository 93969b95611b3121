import type { PeerWarningCode, PipelineObserver } from "./observer.ts";

/**
 * What has been learnt about a server that says PIPELINING:
 * - `followOn`: whether an envelope may stand behind the "." of the text before it. `"unproven"`: not seen yet;
 *   `"proven"`: its RSET was answered there; `"unfit"`: never again.
 * - `pipelining`: false if even one envelope in one group went wrong.
 * - `chunking`: whether it bears bursts of BDAT. `"unproven"`: not tried; `"proven"`: it swallows what it refuses, and its
 *   replies can be told apart; `"strict"`: they can't, so BDAT waits for the replies to RCPT; `"unfit"`: it gets DATA.
 */
export interface PeerFacts {
  readonly followOn: "unproven" | "proven" | "unfit";
  readonly pipelining: boolean;
  readonly chunking: "unproven" | "proven" | "strict" | "unfit";
  /** What it offered, a keyword with its parameters each, where PIPECONNECT was among it. */
  readonly offered?: readonly string[] | undefined;
}

/** What is assumed of a server that nothing is known about. */
export const UNKNOWN_PEER: PeerFacts = { followOn: "unproven", pipelining: true, chunking: "unproven" };

/** How far the server of this session is trusted with groups. What changes is told, for the next session. */
export class Trust {
  readonly #observer: PipelineObserver;
  #facts: PeerFacts = UNKNOWN_PEER;

  constructor(observer: PipelineObserver) {
    this.#observer = observer;
  }

  /** May envelopes stand behind the "." before them? */
  get followOn(): PeerFacts["followOn"] {
    return this.#facts.followOn;
  }

  /** May commands stand behind one another? */
  get pipelining(): boolean {
    return this.#facts.pipelining;
  }

  /** Which form of CHUNKING does it bear? */
  get chunking(): PeerFacts["chunking"] {
    return this.#facts.chunking;
  }

  recall(facts: PeerFacts): void {
    this.#facts = facts;
  }

  /** The server bears bursts, or BDAT behind the replies to RCPT only. */
  chunkingIs(chunking: "proven" | "strict"): void {
    if (this.#facts.chunking === chunking) return;
    this.#facts = { ...this.#facts, chunking };
    this.#observer.learnt(this.#facts);
  }

  /** No BDAT any more. */
  chunkingUnfit(why: string): void {
    if (this.#facts.chunking === "unfit") return;
    this.#facts = { ...this.#facts, chunking: "unfit" };
    const message = `Texts go to this server with DATA, not with BDAT: ${why}`;
    this.#observer.learnt(this.#facts, { code: "ESMTP_CHUNKING_UNFIT", message });
  }

  /** The server answered a RSET behind a ".". */
  proved(): void {
    if (this.#facts.followOn !== "unproven") return;
    this.#facts = { ...this.#facts, followOn: "proven" };
    this.#observer.learnt(this.#facts);
  }

  /** Nothing stands behind a "." any more. Where that has been learnt it is not said again. */
  followOnUnfit(code: PeerWarningCode, why: string): void {
    if (this.#facts.followOn === "unfit") return;
    this.#learn({ ...this.#facts, followOn: "unfit" }, code, why);
  }

  /** Something went wrong with groups as such: one step more careful. */
  moreCareful(why: string): void {
    const { followOn, pipelining } = this.#facts;
    if (!pipelining) return;
    const facts: PeerFacts = { ...this.#facts, followOn: "unfit", pipelining: followOn !== "unfit" };
    this.#learn(facts, "ESMTP_PIPELINING_UNFIT", why);
  }

  #learn(facts: PeerFacts, code: PeerWarningCode, why: string): void {
    this.#facts = facts;
    const what = facts.pipelining ? "across messages" : "at all";
    this.#observer.learnt(facts, {
      code,
      message: `Nothing is pipelined ${what} to this server any more: ${why}`,
    });
  }
}
