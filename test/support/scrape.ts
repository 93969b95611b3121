/** The last line of `examples/scrape --json`: what its deliveries add up to. */
export interface Totals {
  readonly messages: readonly { readonly client: string; readonly result: string; readonly count: number }[];
  readonly recipients: readonly {
    readonly client: string;
    readonly result: string;
    readonly stage: string;
    readonly count: number;
  }[];
}

/** One line of a scrape. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads what a scrape returned, in the text format. */
export function series(text: string): Series[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === "") throw new Error(`not a line of a scrape: ${line}`);
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, of]) => [key, of] as const);
      return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

/** Values by those labels of theirs. */
export function withLabels(
  all: readonly Pick<Series, "labels" | "value">[],
  names: readonly string[],
): Record<string, number> {
  return Object.fromEntries(
    all.map(({ labels, value }) => [names.map((name) => labels[name]).join(" "), value]),
  );
}
