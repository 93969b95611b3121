import type { SmtpError } from "../protocol/errors.ts";
import type { Backoff, ResolvedPoolOptions, ResolvedRelay } from "./options.ts";
import { Pacing } from "./pacing.ts";

/** A relay as the pool sees it: whether it can be reached, and whose turn it is. Time comes in as an argument. */
export class RelayState {
  readonly relay: ResolvedRelay;
  readonly pacing: Pacing;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  /** Connections in a row that came to nothing. */
  #failures = 0;
  /** Until then it is left alone: epoch milliseconds. */
  #until = 0;
  /** What the last of them failed with. */
  error: SmtpError | undefined;
  /** Sessions to it that are open, or are being opened. */
  sessions = 0;
  /** Turns owed to it among relays of the same preference. */
  turns = 0;

  constructor(
    relay: ResolvedRelay,
    { backoff, pacing }: Pick<ResolvedPoolOptions, "backoff" | "pacing">,
    random: () => number = Math.random,
  ) {
    this.relay = relay;
    this.pacing = new Pacing(relay.rate, pacing);
    this.#backoff = backoff;
    this.#random = random;
  }

  /** Whether its last connection came to nothing. */
  get down(): boolean {
    return this.#failures > 0;
  }

  /** When it may be tried: epoch milliseconds. */
  get until(): number {
    return this.#until;
  }

  /**
   * A connection to it came to nothing.
   * @param opened whether it stood: it may have died by itself then, and the relay gets one more chance at once
   */
  failed(error: SmtpError | undefined, now: number, opened: boolean): void {
    this.#failures++;
    this.error = error ?? this.error;
    if (opened && this.#failures === 1) return;
    const { first, most } = this.#backoff;
    const delay = Math.min(most, first * 2 ** Math.min(this.#failures - 1, 30));
    // Up to half of it by chance: many clients of one relay must not come back together.
    this.#until = now + delay * (1 - this.#random() / 2);
  }

  /** It answered a message. */
  served(): void {
    this.#failures = 0;
    this.#until = 0;
    this.error = undefined;
  }
}

/** The relay whose turn it is, by weight: each turn that one takes makes the others likelier. */
export function takeTurn(candidates: readonly RelayState[]): RelayState | undefined {
  const relays = new Set(candidates);
  if (relays.size < 2) return candidates[0];
  let total = 0;
  let chosen: RelayState | undefined;
  for (const state of relays) {
    state.turns += state.relay.weight;
    total += state.relay.weight;
    if (chosen === undefined || state.turns > chosen.turns) chosen = state;
  }
  if (chosen !== undefined) chosen.turns -= total;
  return chosen;
}
