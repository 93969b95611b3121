import { now } from "./clock.ts";

/** The longest that a timer of Node.js can wait. */
const LONGEST = 2_147_483_647;

/**
 * One timer for whatever is due next. Deadlines move with every reply; so the timer is not moved, only set earlier,
 * and one that fires early is set again by whoever it calls. It keeps the process alive: somebody waits for a reply.
 */
export class Timer {
  readonly #fire: () => void;
  #timeout: NodeJS.Timeout | undefined;
  #at = Number.POSITIVE_INFINITY;

  constructor(fire: () => void) {
    this.#fire = fire;
  }

  /** Fires at this time (epoch milliseconds) or before; infinity: not at all. */
  set(at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.clear();
    } else if (this.#timeout === undefined || at < this.#at) {
      this.clear();
      this.#at = at;
      this.#timeout = setTimeout(() => this.#expired(), Math.min(Math.max(at - now(), 0) + 1, LONGEST));
    }
  }

  clear(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }

  #expired(): void {
    this.#timeout = undefined;
    this.#fire();
  }
}
