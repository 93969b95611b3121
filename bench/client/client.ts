import type { QueueCosts } from "../results.ts";
import type { Work } from "./work.ts";

/** A program under test. */
export interface Client {
  /**
   * Does the work once, over connections of its own.
   * @returns milliseconds from before the connect to the last message's answer
   * @throws Error if not everything was taken
   */
  run(work: Work): Promise<number>;
  /** What the queue took in the runs since it was asked last, where there is one. */
  queued?(): QueueCosts;
  /** Octets that stay on the heap for the work while its session is open; where that can be told. */
  heap?(work: Work, collect: () => Promise<void>): Promise<number>;
}

/** Runs so many tasks at a time until there are none left. */
export async function atATime(
  limit: number,
  count: number,
  task: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: limit }, one));
}
