import { BURST_STEP, FIRST_BURST, LEAST_BURST, type Window } from "../protocol/limits.ts";

/**
 * How many messages, of how many octets, are in flight in bursts: written and not answered. The room for them doubles
 * while they succeed, up to the window, and is halved where many are refused: a bad list of recipients, or a cut, then
 * leaves few fates unknown.
 */
export class Flight {
  readonly #window: Window;
  #most: number;
  #messages = 0;
  #octets = 0;
  /** Messages answered since the room changed, and those of them that were refused. */
  #answered = 0;
  #refused = 0;
  /** The room was used up: nothing is added until half of it is free, or all of it while it still grows. */
  #full = false;

  constructor(window: Window) {
    this.#window = window;
    this.#most = Math.min(FIRST_BURST, window.messages);
  }

  /** Whether a text of so many octets may be put in flight. One that is larger than the window goes alone. */
  admits(octets: number): boolean {
    if (this.#messages === 0) return true;
    const { messages, bytes } = this.#window;
    // Few large bursts rather than one message for each reply: each would be a packet, and a wait, of its own.
    if (this.#full) {
      if (this.#most < messages || this.#messages * 2 > this.#most || this.#octets * 2 > bytes) return false;
    }
    this.#full = this.#messages >= this.#most || this.#octets + octets > bytes;
    return !this.#full;
  }

  begins(octets: number): void {
    this.#messages++;
    this.#octets += octets;
  }

  /** A message is answered. */
  ends(octets: number, refused: boolean): void {
    this.#messages--;
    this.#octets -= octets;
    this.#answered++;
    if (refused) this.#refused++;
    if (this.#messages === 0) this.#full = false;
    if (this.#answered < BURST_STEP) return;
    const most = this.#refused * 8 > this.#answered ? Math.max(LEAST_BURST, this.#most / 2) : this.#most * 2;
    this.#most = Math.min(most, this.#window.messages);
    this.#answered = 0;
    this.#refused = 0;
  }
}
