import type { Results, ScenarioResult } from "../results.ts";
import type { Column, Scenario } from "../scenarios.ts";
import { cells, count, remarks } from "./columns.ts";

const BEGIN = "<!-- bench: written by npm run bench -- --readme -->";
const END = "<!-- /bench -->";

function table(result: ScenarioResult, columns: readonly Column[]): string {
  const [heads = [], ...rows] = cells(result, columns);
  const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;
  const remark = remarks(result).map((text) => `\n${text.replace(/^\*/, "\\*")}.`);
  return [
    line([result.title, ...heads.slice(1)]),
    line(heads.map((_, i) => (i === 0 ? "---" : "---:"))),
    ...rows.map((row) => line(heads.map((_, i) => row[i] ?? "").map((cell) => cell.replace(/ \*$/, " \\*")))),
    ...remark,
  ].join("\n");
}

/** What the README says of the results. */
export function markdown(results: Results, scenarios: readonly Scenario[]): string {
  const { machine, versions, limits } = results;
  const others = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const about =
    `Measured on ${results.measuredAt.slice(0, 10)}: ${machine.processors} × ${machine.processor}, ` +
    `${machine.memory} GiB, ${machine.system}, Node.js ${machine.node}; ${others.join(", ")}.`;
  const own =
    `The bench's own limits there: the sink takes ${count(limits.data)} messages a second with DATA and ` +
    `${count(limits.chunking)} with CHUNKING from a client that writes prebuilt octets, ${count(limits.proxy)} through ` +
    `the proxy, ${count(limits.oneAtATime)} at one round trip each, ${count(limits.stream)} MiB/s of one text; a round ` +
    `trip of 50 ms takes ${limits.roundTrip.toFixed(1)} ms.`;
  const tables = results.scenarios.map((result) =>
    table(result, scenarios.find(({ name }) => name === result.name)?.columns ?? []),
  );
  return [about, ...tables, own].join("\n\n");
}

/** Puts a text between the marks of a document. @throws Error if it has none */
export function replaceBetweenMarks(document: string, text: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`No "${BEGIN}" before "${END}" in the document`);
  return `${document.slice(0, begin + BEGIN.length)}\n${text}\n${document.slice(end)}`;
}
