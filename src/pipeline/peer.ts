/**
 * What has been learnt about a server that says PIPELINING:
 * - `followOn`: whether an envelope may stand behind the "." of the text before it. `"unproven"`: not seen yet;
 *   `"proven"`: its RSET was answered there; `"unfit"`: never again.
 * - `pipelining`: false if even one envelope in one group went wrong.
 */
export interface PeerFacts {
  readonly followOn: "unproven" | "proven" | "unfit";
  readonly pipelining: boolean;
}

/** What is assumed of a server that nothing is known about. */
export const UNKNOWN_PEER: PeerFacts = { followOn: "unproven", pipelining: true };

/** One step more careful: first without follow-on, then without pipelining. */
export function moreCareful(facts: PeerFacts): PeerFacts {
  return facts.followOn === "unfit"
    ? { followOn: "unfit", pipelining: false }
    : { followOn: "unfit", pipelining: facts.pipelining };
}
