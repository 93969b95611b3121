import type { Duplex } from "node:stream";

/** Octets under way at once in one direction, at most: beyond, the sender is made to wait. */
const UNDER_WAY = 64 * 1_048_576;

interface Parcel {
  readonly octets: Buffer;
  readonly due: number;
  readonly mark: number;
}

/** What sees the octets of one direction pass. */
export interface Gate {
  /** They came. @returns a mark that they carry */
  entered(octets: Buffer): number;
  /** They leave. */
  left(mark: number): void;
}

/** Carries octets from one stream to the other, each so many milliseconds after it came. No limit of bandwidth. */
export function carry(from: Duplex, to: Duplex, delay: number, gate: Gate): void {
  const parcels: Parcel[] = [];
  let underWay = 0;
  let ended: number | undefined;
  let timer: NodeJS.Timeout | undefined;

  const wait = (due: number): void => {
    timer ??= setTimeout(deliver, Math.max(1, Math.ceil(due - performance.now())));
  };
  const deliver = (): void => {
    timer = undefined;
    const now = performance.now();
    let count = 0;
    to.cork();
    for (const { octets, due, mark } of parcels) {
      if (due > now) break;
      count++;
      underWay -= octets.length;
      gate.left(mark);
      to.write(octets);
    }
    to.uncork();
    parcels.splice(0, count);
    if (underWay < UNDER_WAY && from.isPaused()) from.resume();
    const [next] = parcels;
    if (next !== undefined) wait(next.due);
    else if (ended !== undefined && ended <= now) to.end();
    else if (ended !== undefined) wait(ended);
  };

  from.on("data", (octets: Buffer) => {
    const due = performance.now() + delay;
    parcels.push({ octets, due, mark: gate.entered(octets) });
    underWay += octets.length;
    if (underWay >= UNDER_WAY) from.pause();
    wait(due);
  });
  from.on("end", () => {
    ended = performance.now() + delay;
    wait(ended);
  });
  from.on("error", () => {
    clearTimeout(timer);
    from.destroy();
    to.destroy();
  });
}
