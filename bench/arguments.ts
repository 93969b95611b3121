import { parseArgs } from "node:util";
import { scenarios } from "./scenarios.ts";
import { VARIANTS, type VariantName } from "./variants.ts";

/** What is to be done. */
export type Task =
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string }
  | { readonly kind: "readme" }
  | {
      readonly kind: "measure";
      readonly names: readonly string[];
      readonly only: readonly VariantName[];
      readonly quick: boolean;
      readonly rounds: number;
      /** Where the results go; undefined: nowhere. */
      readonly out: string | undefined;
    };

const NAMES: readonly string[] = scenarios(false).map(({ name }) => name);
/** Where the results of a whole run go. */
export const RESULTS = "bench/results.json";

export const USAGE: string = `Measures this library and other clients side by side, and prints tables that say what their columns mean.

  npm run bench                        everything, some 15 minutes; writes ${RESULTS} and bench/results.svg
  npm run bench -- loopback stream     these scenarios only; writes nothing
  npm run bench -- --quick             all of it, but small: to see that it runs, not to measure
  npm run bench -- --only data,bursts  these clients only
  npm run bench -- --rounds 9          more runs of each (default 5)
  npm run bench -- --out FILE          writes the results there, and the chart beside it
  npm run bench -- --readme            measures nothing: brings README.md and the chart up to date with ${RESULTS}

Scenarios: ${NAMES.join(", ")}
Clients: ${VARIANTS.join(", ")}

Exit status: 0 measured, and all demands met; 1 a demand was not met, or a client failed; 2 wrong arguments.
`;

/** Reads the command line. */
export function readArguments(args: readonly string[]): Task {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        quick: { type: "boolean" },
        only: { type: "string" },
        rounds: { type: "string" },
        out: { type: "string" },
        readme: { type: "boolean" },
      },
    });
    if (values.help === true) return { kind: "help" };
    if (values.readme === true) return { kind: "readme" };
    known("scenario", positionals, NAMES);
    const only = values.only?.split(",") ?? [];
    known("client", only, VARIANTS);
    const quick = values.quick === true;
    const rounds = Number(values.rounds ?? (quick ? 1 : 5));
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds needs a number from 1 on");
    const whole = positionals.length === 0 && only.length === 0 && !quick;
    return {
      kind: "measure",
      names: positionals.length > 0 ? positionals : NAMES,
      only: only.length > 0 ? (only as VariantName[]) : VARIANTS,
      quick,
      rounds,
      out: values.out ?? (whole ? RESULTS : undefined),
    };
  } catch (error) {
    return { kind: "wrong", problem: error instanceof Error ? error.message : String(error) };
  }
}

function known(what: string, given: readonly string[], all: readonly string[]): void {
  const unknown = given.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw new Error(`There is no ${what} ${unknown.join(", ")}. There are: ${all.join(", ")}`);
  }
}
