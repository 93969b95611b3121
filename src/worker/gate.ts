import { Fifo } from "../pipeline/fifo.ts";

/** What says when a message may be begun: a pool. */
export interface Room {
  /** Fulfils when there is room. */
  ready(): Promise<void>;
  /** Messages that no session has yet. */
  readonly waiting: number;
}

/** How many pass at a time: they are recorded as begun in one step of Redis, and leave together. */
const BATCH = 100;

/** How many may wait in the pool for a session: enough to keep it busy. More would be begun and not under way. */
const LEAD = 100;

/** How often it is seen whether they still wait: milliseconds. A fraction of what a message takes that has to wait. */
const LOOK = 5;

type Pass = (through: (() => void) | undefined) => void;

/**
 * Where messages wait until the pool has room. What waits here is not begun: if this worker dies another one sends it,
 * and nothing of it is unknown. So it is here that they wait for a rate, for a relay that is not there, for a full
 * pipeline.
 */
export class Gate {
  readonly #room: Room;
  readonly #waiting = new Fifo<Pass>();
  readonly #closed: Promise<void>;
  #running = false;
  #isClosed = false;
  #close: () => void = () => undefined;

  constructor(room: Room) {
    this.#room = room;
    this.#closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  /**
   * Waits until a message may go.
   * @returns what to call when the pool has it, or when it won't go; undefined if the gate was closed
   */
  enter(): Promise<(() => void) | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((pass) => {
      this.#waiting.push(pass);
      if (!this.#running) void this.#run();
    });
  }

  /** Whether nothing passes any more. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /** Lets nothing pass any more. */
  close(): void {
    this.#isClosed = true;
    this.#close();
    for (let pass = this.#waiting.shift(); pass !== undefined; pass = this.#waiting.shift()) pass(undefined);
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Those that come in this turn go together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      await Promise.race([this.#open(), this.#closed]);
      const through: Promise<void>[] = [];
      for (let n = Math.min(BATCH, this.#waiting.length); n > 0; n--) {
        const pass = this.#waiting.shift();
        if (pass !== undefined) through.push(new Promise((resolve) => pass(resolve)));
      }
      // The pool knows them then, and says truly whether there is room.
      await Promise.all(through);
    }
    this.#running = false;
  }

  async #open(): Promise<void> {
    await this.#room.ready();
    while (this.#room.waiting >= LEAD && !this.#isClosed) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }
}
