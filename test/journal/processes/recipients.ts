const KINDS = ["to", "to", "to", "to", "no", "to", "to", "later", "to", "spam"];

/** Who gets the n-th message: the relay knows by the beginning of an address what becomes of it. */
export function recipientsOf(n: number): string[] {
  const kind = KINDS[n % KINDS.length] ?? "to";
  return [`${kind}${n}.a@example.net`, ...(n % 4 === 0 ? [`to${n}.b@example.net`] : [])];
}
