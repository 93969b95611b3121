/** One way of doing the same work. */
export interface Variant {
  readonly name: string;
  /** Does the work once. */
  run(): Promise<void>;
}

/** What came out for one variant. */
export interface Measured {
  readonly name: string;
  /** Items a second in each round. */
  readonly rates: readonly number[];
  /** Rate in relation to the first variant's in the same round. */
  readonly ratios: readonly number[];
  /** Processor time of this process in each round: microseconds an item. */
  readonly cpu: readonly number[];
}

/**
 * Measures variants side by side: each round runs all of them, in an order that rotates, so that what disturbs the
 * machine disturbs all. Machines are noisy: ratios within a round say more than rates.
 */
export async function sideBySide(
  variants: readonly Variant[],
  options: { readonly rounds: number; readonly items: number; progress(text: string): void },
): Promise<Measured[]> {
  const { rounds, items, progress } = options;
  const rates = variants.map((): number[] => []);
  const cpu = variants.map((): number[] => []);
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < variants.length; i++) {
      const index = (round + i) % variants.length;
      const variant = variants[index];
      if (variant === undefined) continue;
      progress(round === 0 ? `warming up: ${variant.name}` : `round ${round} of ${rounds}: ${variant.name}`);
      const used = process.cpuUsage();
      const start = performance.now();
      await variant.run();
      const seconds = (performance.now() - start) / 1_000;
      const { user, system } = process.cpuUsage(used);
      if (round === 0) continue;
      rates[index]?.push(items / seconds);
      cpu[index]?.push((user + system) / items);
    }
  }
  return variants.map(({ name }, i) => ({
    name,
    rates: rates[i] ?? [],
    ratios: (rates[i] ?? []).map((rate, round) => rate / (rates[0]?.[round] ?? rate)),
    cpu: cpu[i] ?? [],
  }));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** What the columns of {@link table} are. @param first the variant that the others are compared with */
export function legend(first: string, item: string): string {
  const columns = [
    [`${item}s/s`, "median of the rounds"],
    ["of the first", `median of the rounds' ratios: the rate over that of "${first}" in the same round`],
    ["", "(not the ratio of the two medians)"],
    ["range", "the smallest and the largest of these ratios: how noisy the machine was"],
    [`CPU µs/${item}`, `median of the rounds: processor time of the client's process for one ${item}`],
  ];
  return columns.map(([column = "", meaning]) => `${column.padEnd(16)}${meaning}`).join("\n");
}

/** The results as a table for people. */
export function table(measured: readonly Measured[], item: string): string {
  const rows = measured.map(({ name, rates, ratios, cpu }) => [
    name,
    Math.round(median(rates)).toLocaleString("en"),
    percent(median(ratios)),
    `${percent(Math.min(...ratios))} to ${percent(Math.max(...ratios))}`,
    median(cpu).toFixed(1),
  ]);
  const head = ["", `${item}s/s`, "of the first", "range", `CPU µs/${item}`];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))),
    )
    .map((row) => row.join("  ").trimEnd())
    .join("\n");
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
