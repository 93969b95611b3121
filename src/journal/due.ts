import { time } from "./clock.ts";
import { before, range, timeOf } from "./keys.ts";

/** Timers of Node.js count no further. */
const LONGEST = 2_147_483_647;

/** Waits until something of what waits is due. */
export class Due {
  #waiting = new Set<() => void>();
  #closed = false;
  #changes = 0;

  /** What waits: for an iterator. */
  readonly range: { readonly gt: string; readonly lt: string } = range("w");

  /** Of that, what is due before a time. */
  before(until: number): { readonly gt: string; readonly lt: string } {
    return until >= Number.MAX_SAFE_INTEGER ? this.range : { ...this.range, lt: before("w", until) };
  }

  /** And what is due from then on. */
  from(until: number): { readonly gt: string; readonly lt: string } {
    return { ...this.range, gt: before("w", until) };
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Counts the changes: for {@link wait}, which is to miss none. */
  get changes(): number {
    return this.#changes;
  }

  /** Something waits that was not there, or not due so soon. */
  changed(): void {
    this.#changes++;
    for (const wake of [...this.#waiting]) wake();
  }

  close(): void {
    this.#closed = true;
    this.changed();
  }

  /**
   * Fulfils when the first of what waits is due, something changes, or the signal fires.
   * @param first its key
   * @param seen the number of changes that it takes into account
   */
  async wait(first: string | undefined, seen: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed || signal?.aborted || this.#changes !== seen) return;
    const wait = first === undefined ? LONGEST : Math.max(timeOf(first) - time(), 0);
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(wait, LONGEST));
      signal?.addEventListener("abort", wake);
      this.#waiting.add(wake);
    });
  }
}
