/** Epoch milliseconds with fraction. Never runs backwards, whatever is done to the machine's clock. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
