import type { ScenarioResult } from "../results.ts";
import type { Column } from "../scenarios.ts";
import { COLUMNS, cells, remarks } from "./columns.ts";

/** A scenario as a table for a terminal, with what its columns mean. */
export function textTable(result: ScenarioResult, columns: readonly Column[]): string {
  const rows = cells(result, columns);
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.filter((row) => row.length > 2 || i === 0).map((row) => row[i]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, i) =>
        i === 0 || row.length === 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  const meanings = columns.map((column) => `${COLUMNS[column].head.padEnd(22)}${COLUMNS[column].meaning}`);
  const base =
    columns.includes("ratio") || columns.includes("share") ? [`${"base".padEnd(22)}${result.base}`] : [];
  return [...lines, ...remarks(result), "", ...meanings, ...base].join("\n");
}
