import { Fifo } from "../pipeline/fifo.ts";

/** What says when a message may be given to the pool. */
export interface Room {
  /** Fulfils when there is room. */
  ready(): Promise<void>;
}

/** How many pass at a time: they are recorded as begun in one step of Redis, and leave together. */
const BATCH = 100;

/** While no server can be reached: from the first failure to the next attempt, and at most. Milliseconds. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30_000;

interface Waiting {
  pass(through: (() => void) | undefined): void;
}

/**
 * Where messages wait until the pool has room: what waits here is not begun, so it goes to another worker if this one
 * dies, and nothing of it is unknown. While no server can be reached nothing passes, for a while: else the whole queue
 * would be fetched, fail and be deferred.
 */
export class Gate {
  readonly #room: Room;
  readonly #waiting = new Fifo<Waiting>();
  #running = false;
  #closed = false;
  #pause = 0;
  #pausedUntil = 0;
  #wake: () => void = () => undefined;

  constructor(room: Room) {
    this.#room = room;
  }

  /**
   * Waits until a message may go.
   * @returns what to call when the pool has it, or when it won't go; undefined if the gate was closed
   */
  enter(): Promise<(() => void) | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((pass) => {
      this.#waiting.push({ pass });
      if (!this.#running) void this.#run();
    });
  }

  /** A delivery ended: whether a server was reached at all. */
  ended(reached: boolean): void {
    if (reached) {
      this.#pause = 0;
      return;
    }
    const time = Date.now();
    if (time < this.#pausedUntil) return; // one failure fails all that were under way
    this.#pause = Math.min(LONGEST_PAUSE, this.#pause === 0 ? FIRST_PAUSE : this.#pause * 2);
    this.#pausedUntil = time + this.#pause;
  }

  /** Lets nothing pass any more. */
  close(): void {
    this.#closed = true;
    this.#wake();
    this.#refuse();
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Those that come in this turn go together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 && !this.#closed) {
      const closed = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([this.#open(), closed]);
      if (this.#closed) break;
      const through: Promise<void>[] = [];
      for (let n = Math.min(BATCH, this.#waiting.length); n > 0; n--) {
        const next = this.#waiting.shift();
        if (next !== undefined) through.push(new Promise((resolve) => next.pass(resolve)));
      }
      // The pool knows them then, and says truly whether there is room.
      await Promise.all(through);
    }
    this.#running = false;
    if (this.#closed) this.#refuse();
  }

  async #open(): Promise<void> {
    const left = this.#pausedUntil - Date.now();
    if (left > 0 && this.#pause > 0) await new Promise((resolve) => setTimeout(resolve, left).unref());
    try {
      await this.#room.ready();
    } catch {
      // A pool that is closed, say: what comes to it fails, and is deferred.
    }
  }

  #refuse(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.pass(undefined);
    }
  }
}
