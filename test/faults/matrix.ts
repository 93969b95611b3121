import {
  cutsAtCommands,
  cutsBehindOctets,
  type Offsets,
  shutdowns,
  silences,
  surplusReplies,
  wrongReplies,
} from "./cases.ts";
import type { Mode } from "./mode.ts";
import { type Case, type Outcome, run } from "./run.ts";

/** Sessions under way at once in a process. */
const AT_ONCE = 16;

/** How many recipients of all cases ended how, and what was not true of it. */
export interface Sum {
  cases: number;
  succeeded: number;
  retryable: number;
  failed: number;
  unknown: number;
  /** Cases in which something said was not true, with the server's transcript. */
  readonly violations: string[];
}

/** The kinds of faults, with all cases of each in a mode. */
export async function casesOf(mode: Mode, tls: boolean): Promise<ReadonlyMap<string, readonly Case[]>> {
  const { commands, offsets } = await withoutFault(mode, tls);
  const cases = new Map<string, readonly Case[]>([
    ["cuts behind octets", cutsBehindOctets(offsets)],
    ["cuts at commands", cutsAtCommands(commands)],
    ["silence", silences(commands)],
  ]);
  if (mode.flaws !== undefined) return cases;
  return cases
    .set("421", shutdowns(commands))
    .set("wrong replies", wrongReplies(commands))
    .set("surplus replies", surplusReplies(commands));
}

/** What the conversation is where nothing goes wrong. */
async function withoutFault(
  mode: Mode,
  tls: boolean,
): Promise<{ readonly commands: Outcome["server"]["commands"]; readonly offsets: Offsets }> {
  const { problems, results, server } = await run(mode, tls, { name: "no fault" });
  const fates = results.map(({ status }) => status).join(" ");
  if (problems.length > 0 || fates !== "succeeded succeeded failed succeeded") {
    throw new Error(`${mode.name} without a fault: ${fates}; ${problems.join(", ")}`);
  }
  const [connection] = server.connections;
  const each = (count = 0): number[] => Array.from({ length: count + 1 }, (_, i) => i);
  return {
    commands: server.commands,
    offsets: { received: each(connection?.octetsReceived), sent: each(connection?.octetsSent) },
  };
}

/** Runs cases, several at once. */
export async function runAll(mode: Mode, tls: boolean, cases: readonly Case[]): Promise<Sum> {
  const sum: Sum = { cases: 0, succeeded: 0, retryable: 0, failed: 0, unknown: 0, violations: [] };
  const left = cases.values();
  const worker = async (): Promise<void> => {
    for (const each of left) count(sum, each, await run(mode, tls, each));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return sum;
}

function count(sum: Sum, { name }: Case, { results, problems, server }: Outcome): void {
  sum.cases++;
  for (const result of results) {
    if (result.status !== "failed") sum[result.status]++;
    else sum[result.retryable ? "retryable" : "failed"]++;
  }
  if (problems.length === 0) return;
  const transcript = server.connections.flatMap(({ transcript }) => transcript);
  sum.violations.push([`${name}: ${problems.join("; ")}`, ...transcript].join("\n    "));
}

/** The sums as a table, a line for each mode, and how many cases there were of each kind of fault. */
export function table(title: string, modes: ReadonlyMap<string, ReadonlyMap<string, Sum>>): string {
  const total = (sums: readonly Sum[], of: (sum: Sum) => number): string =>
    sums.reduce((all, sum) => all + of(sum), 0).toLocaleString("en");
  const row = (name: string, sums: readonly Sum[]): string[] => [
    name,
    total(sums, ({ cases }) => cases),
    total(sums, ({ succeeded }) => succeeded),
    total(sums, ({ retryable }) => retryable),
    total(sums, ({ failed }) => failed),
    total(sums, ({ unknown }) => unknown),
    total(sums, ({ violations }) => violations.length),
  ];
  const every = [...modes.values()];
  const rows = [
    ["", "cases", "succeeded", "failed, retryable", "failed", "unknown", "untrue"],
    ...[...modes].map(([name, kinds]) => row(name, [...kinds.values()])),
    row(
      "all",
      every.flatMap((kinds) => [...kinds.values()]),
    ),
  ];
  const width = (i: number): number => Math.max(...rows.map((cells) => cells[i]?.length ?? 0));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(width(i)) : cell.padStart(width(i)))).join("  ");
  const kinds = [...(every[0]?.keys() ?? [])].map((kind) => {
    const sums = every.flatMap((of) => of.get(kind) ?? []);
    return `${kind} ${total(sums, ({ cases }) => cases)}`;
  });
  return [title, ...rows.map(line), `Cases by fault: ${kinds.join("; ")}.`].join("\n");
}
