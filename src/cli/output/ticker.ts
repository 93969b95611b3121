import type { Output } from "../shell.ts";

/** Tells how something goes: in one line of a terminal that is drawn anew, elsewhere in a line now and then. */
export interface Ticker {
  /** Clears the terminal's line, so that something else can be written; the next drawing brings it back. */
  clear(): void;
  /** Ends it. */
  stop(): void;
}

const DRAWN_EVERY = 100;
const TOLD_EVERY = 10_000;
const CLEARED = "\r\x1b[K";

/**
 * @param line what is shown, cut to what a terminal holds
 * Elsewhere than on a terminal a line that says nothing new is left out.
 */
export function startTicker(output: Output, line: () => string): Ticker {
  const terminal = output.isTTY === true;
  let told = "";
  const show = (): void => {
    const text = line();
    if (terminal) output.write(`${CLEARED}${text.slice(0, (output.columns ?? 80) - 1)}`);
    else if (text !== told) output.write(`${text}\n`);
    told = text;
  };
  const timer = setInterval(show, terminal ? DRAWN_EVERY : TOLD_EVERY);
  const clear = (): void => {
    if (terminal) output.write(CLEARED);
  };
  return {
    clear,
    stop: () => {
      clearInterval(timer);
      clear();
    },
  };
}
