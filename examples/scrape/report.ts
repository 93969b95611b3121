import { number } from "../deliver/screen.ts";
import { CLIENTS } from "./mail-mix.ts";
import { MESSAGE_RESULTS, RECIPIENT_RESULTS, sum, type Tally } from "./tally.ts";

/** Columns of the widest line; on a narrower terminal the report is another. */
const WIDE = 100;

/** How far it is. @param width columns of the terminal */
export function progress({ messages, recipients }: Tally, seconds: number, width: number): string {
  const begin = `${seconds.toFixed(0).padStart(5)} s  ${number(sum(messages)).padStart(7)} messages`;
  if (width < WIDE) {
    const succeeded = sum(recipients, ({ result }) => result === "succeeded");
    return `${begin}  ${number(succeeded)} of ${number(sum(recipients))} succeeded`;
  }
  const fates = RECIPIENT_RESULTS.map(
    (result) => `${number(sum(recipients, (one) => one.result === result))} ${result}`,
  );
  return `${begin}  recipients: ${fates.join(", ")}`;
}

/** What became of everything: two tables, with a row for each client, or on a narrow terminal for each result. */
export function summary({ messages, recipients }: Tally, seconds: number, width: number): string[] {
  const draw = width < WIDE ? transposed : table;
  const rows = <C extends { readonly client: string; readonly result: string; readonly count: number }>(
    counts: readonly C[],
    results: readonly string[],
  ): string[][] =>
    [...CLIENTS, "all"].map((client) => {
      const own = counts.filter((count) => client === "all" || count.client === client);
      return [client, sum(own), ...results.map((result) => sum(own, (count) => count.result === result))].map(
        (cell) => (typeof cell === "number" ? number(cell) : cell),
      );
    });
  return [
    `Summary: ${seconds.toFixed(1)} s; counted from deliveries, not from metrics`,
    "",
    ...draw(["client", "messages", ...MESSAGE_RESULTS], rows(messages, MESSAGE_RESULTS)),
    "",
    ...draw(["client", "recipients", ...RECIPIENT_RESULTS], rows(recipients, RECIPIENT_RESULTS)),
  ];
}

/** The same for programs. */
export function totals({ messages, recipients }: Tally): string {
  return `totals ${JSON.stringify({ messages, recipients })}`;
}

function transposed(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const [first = [], ...others] = head.map((title, i) => [title, ...rows.map((row) => row[i] ?? "")]);
  return table(first, others);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, ...rows].map(
    ([first = "", ...cells]) => `  ${first.padEnd(12)}${cells.map((cell) => cell.padStart(12)).join("")}`,
  );
}
