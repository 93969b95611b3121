/** A reply that refuses a recipient. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
}

/** Whether an address is of a pattern, in which `*` stands for any characters. */
function fits(pattern: string): (address: string) => boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`, "isu");
  return (address) => expression.test(address);
}

/** How recipients are refused: by patterns, those for good first. */
export function refusals(
  refuse: readonly string[],
  defer: readonly string[],
): (address: string) => Refusal | undefined {
  const forGood = refuse.map(fits);
  const forNow = defer.map(fits);
  return (address) => {
    if (forGood.some((each) => each(address))) return { code: 550, text: "Refused, as --refuse asks" };
    if (forNow.some((each) => each(address))) return { code: 450, text: "Deferred, as --defer asks" };
    return undefined;
  };
}
