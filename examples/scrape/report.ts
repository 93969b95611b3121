import { number } from "../deliver/screen.ts";
import { CLIENTS } from "./mail-mix.ts";
import { MESSAGE_RESULTS, RECIPIENT_RESULTS, sum, type Tally } from "./tally.ts";

/** How far it is. */
export function progress(tally: Tally, seconds: number): string {
  const { messages, recipients } = tally;
  const fates = RECIPIENT_RESULTS.map(
    (result) => `${number(sum(recipients, (one) => one.result === result))} ${result}`,
  );
  return `${seconds.toFixed(0).padStart(5)} s  ${number(sum(messages)).padStart(7)} messages  recipients: ${fates.join(", ")}`;
}

/** What became of everything: two tables. */
export function summary({ messages, recipients }: Tally, seconds: number): string[] {
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
    `Summary: ${seconds.toFixed(1)} s; counted from the deliveries, not from the metrics`,
    "",
    ...table(["client", "messages", ...MESSAGE_RESULTS], rows(messages, MESSAGE_RESULTS)),
    "",
    ...table(["client", "recipients", ...RECIPIENT_RESULTS], rows(recipients, RECIPIENT_RESULTS)),
  ];
}

/** The same for programs. */
export function totals({ messages, recipients }: Tally): string {
  return `totals ${JSON.stringify({ messages, recipients })}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, ...rows].map(
    ([first = "", ...cells]) => `  ${first.padEnd(12)}${cells.map((cell) => cell.padStart(12)).join("")}`,
  );
}
