/** Seconds that a rate looks back on. */
const SPAN = 10_000;
const SAMPLED_EVERY = 250;

/** How fast something goes lately. Times are milliseconds. */
export class Speed {
  readonly #samples: { readonly time: number; readonly count: number }[] = [];

  /** @param start when nothing was done yet */
  constructor(start: number) {
    this.#samples.push({ time: start, count: 0 });
  }

  /** So much is done by now. @returns how much a second, lately */
  at(time: number, count: number): number {
    const samples = this.#samples;
    const last = samples.at(-1);
    if (last === undefined || time - last.time >= SAMPLED_EVERY) samples.push({ time, count });
    while (samples.length > 2 && time - (samples[1]?.time ?? time) >= SPAN) samples.shift();
    const [first] = samples;
    if (first === undefined || time <= first.time) return 0;
    return ((count - first.count) / (time - first.time)) * 1_000;
  }
}

/** How much of the input was read, from 0 to 1, and how many messages that were. */
export interface Reading {
  readonly fraction: number | undefined;
  readonly messages: number;
}

/** How many messages there will be; undefined if that can't be known. */
export function expected({ fraction, messages }: Reading): number | undefined {
  if (fraction === undefined) return undefined;
  if (fraction >= 1) return messages;
  return fraction > 0 && messages > 0 ? Math.max(messages, Math.round(messages / fraction)) : undefined;
}
