import type { Rate } from "./rate.ts";

/** What came of a message, as far as it concerns the pace. */
export type PaceSignal = "served" | "rate-limit" | "greylisted";

/** Milliseconds of silence after the first complaint; twice as long with each one that follows at once. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 300_000;
/** A server that has not complained for so long is given all it takes again. */
const FORGIVEN = 600_000;
/** The slowest: a message in ten seconds. */
const SLOWEST = 0.1;
/** With so many messages served the rate has doubled since the last complaint. */
const DOUBLED_AFTER = 200;
/** So far beyond the rate that was too much, no limit is needed any more. */
const FREE = 8;
/** The greylisted share of the latest messages from which it is the sender that the server does not know. */
const MOSTLY = 0.5;
const LATEST = 20;

/**
 * How fast one relay is given mail: no faster than its rate, and slower where it says that it gets too much. Each complaint
 * halves the pace and makes a pause; what is served raises it again, step by step. Times are epoch milliseconds, and come
 * in as arguments.
 */
export class Pacing {
  readonly #buckets: readonly Bucket[];
  readonly #adapts: boolean;
  /** Messages a second; infinity: as many as it takes. */
  #limit = Number.POSITIVE_INFINITY;
  #step = 0;
  /** What was too much: messages a second. */
  #tooMuch = 0;
  #pause = FIRST_PAUSE;
  #pausedUntil = 0;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #nextAt = 0;
  #greylisted = 0;
  #seen = 0;
  readonly #pace = new Pace();

  /** @param adapts whether it heeds complaints */
  constructor(rate: Rate | undefined, adapts: boolean) {
    const { messages, recipients, burst = 1 } = rate ?? {};
    this.#buckets = [
      ...(messages === undefined ? [] : [new Bucket(messages, burst, () => 1)]),
      ...(recipients === undefined ? [] : [new Bucket(recipients, burst, (count) => count)]),
    ];
    this.#adapts = adapts;
  }

  /** Messages a second that it is given at most because of complaints; undefined: no limit. */
  get limit(): number | undefined {
    return Number.isFinite(this.#limit) ? this.#limit : undefined;
  }

  /** Milliseconds until a message with so many recipients may go. */
  delay(now: number, recipients: number): number {
    let wait = Math.max(0, this.#pausedUntil - now, this.#nextAt - now);
    for (const bucket of this.#buckets) wait = Math.max(wait, bucket.delay(now, recipients));
    return wait;
  }

  /** A message goes. */
  sent(now: number, recipients: number): void {
    for (const bucket of this.#buckets) bucket.take(now, recipients);
    this.#pace.add(now);
    if (Number.isFinite(this.#limit)) this.#nextAt = Math.max(now, this.#nextAt) + 1_000 / this.#limit;
  }

  /**
   * A message was answered.
   * @param after how long the server asks to wait: milliseconds
   * @returns whether the pace was lowered, or freed; undefined if neither
   */
  answered(now: number, signal: PaceSignal, after = 0): "slowed" | "freed" | undefined {
    if (!this.#adapts) return undefined;
    this.#seen++;
    this.#greylisted += ((signal === "greylisted" ? 1 : 0) - this.#greylisted) / Math.min(this.#seen, LATEST);
    if (signal === "served") return this.#served(now);
    const complaint = signal === "rate-limit" || (this.#seen >= LATEST && this.#greylisted > MOSTLY);
    return complaint ? this.#complained(now, after) : undefined;
  }

  #complained(now: number, after: number): "slowed" | undefined {
    // What was under way already complains of the same.
    if (now < this.#pausedUntil) {
      this.#pausedUntil = Math.max(this.#pausedUntil, now + Math.min(after, LONGEST_PAUSE));
      return undefined;
    }
    const again = now - this.#complainedAt < 4 * this.#pause;
    this.#pause = again ? Math.min(LONGEST_PAUSE, 2 * this.#pause) : FIRST_PAUSE;
    this.#tooMuch = Math.min(this.#limit, Math.max(1, this.#pace.at(now)));
    this.#limit = Math.max(SLOWEST, this.#tooMuch / 2);
    this.#step = this.#limit / DOUBLED_AFTER;
    this.#complainedAt = now;
    this.#pausedUntil = now + Math.min(LONGEST_PAUSE, Math.max(this.#pause, after));
    this.#nextAt = this.#pausedUntil;
    return "slowed";
  }

  #served(now: number): "freed" | undefined {
    if (!Number.isFinite(this.#limit)) return undefined;
    this.#limit += this.#step;
    if (this.#limit < FREE * this.#tooMuch && now - this.#complainedAt < FORGIVEN) return undefined;
    this.#limit = Number.POSITIVE_INFINITY;
    this.#nextAt = 0;
    this.#pause = FIRST_PAUSE;
    return "freed";
  }
}

/** So much a second, and what was not used of the last seconds. */
class Bucket {
  readonly #perSecond: number;
  readonly #most: number;
  readonly #weight: (recipients: number) => number;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burst: number, weight: (recipients: number) => number) {
    this.#perSecond = perSecond;
    this.#most = Math.max(1, perSecond * burst);
    this.#weight = weight;
    this.#tokens = this.#most;
  }

  delay(now: number, recipients: number): number {
    this.#fill(now);
    // What is larger than the bucket goes when it is full; it is paid for afterwards.
    const missing = Math.min(this.#weight(recipients), this.#most) - this.#tokens;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#perSecond) * 1_000);
  }

  take(now: number, recipients: number): void {
    this.#fill(now);
    this.#tokens -= this.#weight(recipients);
  }

  #fill(now: number): void {
    const elapsed = Math.max(0, now - Math.max(this.#at, 0));
    this.#tokens = Math.min(this.#most, this.#tokens + (elapsed / 1_000) * this.#perSecond);
    this.#at = Math.max(this.#at, now);
  }
}

/** Milliseconds over which the pace is counted: replies may be late. */
const SPAN = 10_000;

/** How many messages a second went lately: those of this span of time, and what the one before had. */
class Pace {
  #span = 0;
  #now = 0;
  #before = 0;

  add(now: number): void {
    this.#turn(now);
    this.#now++;
  }

  at(now: number): number {
    this.#turn(now);
    const left = 1 - (now % SPAN) / SPAN;
    return ((this.#now + this.#before * left) * 1_000) / SPAN;
  }

  #turn(now: number): void {
    const span = Math.floor(now / SPAN);
    if (span === this.#span) return;
    this.#before = span === this.#span + 1 ? this.#now : 0;
    this.#now = 0;
    this.#span = span;
  }
}
