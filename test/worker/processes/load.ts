// The load of the crash tests: which message has which recipients, and what the sink says to them. Every address is used
// once, so that it says which message came.

export const SENDER = "shop@example.org";

/** What becomes of an address at the sink. */
export type Manner =
  /** Taken at once. */
  | "well"
  /** 450 to RCPT the first time. */
  | "busy"
  /** 451 to the text the first time that it is among its recipients. */
  | "slow"
  /** 550 to RCPT. */
  | "gone";

/** The recipients of a message: most have one, of which most are taken at once. */
export function recipientsOf(message: number): string[] {
  const first = message % 20 === 3 ? "busy" : message % 50 === 7 ? "slow" : "well";
  const to = [`${first}-${message}@example.net`];
  if (message % 10 === 0) to.push(`well-${message}-more@example.net`, `gone-${message}@example.net`);
  if (message % 30 === 0) to.push(`busy-${message}@example.net`);
  return to;
}

/** @throws Error for an address that is none of the load's */
export function mannerOf(address: string): Manner {
  const [, manner] = /^(well|busy|slow|gone)-/.exec(address) ?? [];
  if (manner === undefined) throw new Error(`${address} is not of this load`);
  return manner as Manner;
}
