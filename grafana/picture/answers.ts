import { type Dashboard, type Panel, panelsOf, substituted } from "./dashboard.ts";
import type { Prometheus, Range } from "./prometheus.ts";

/** One line of a chart. */
export interface Line {
  readonly name: string;
  /** Unix seconds, and the value; null where there is none. */
  readonly points: readonly (readonly [time: number, value: number | null])[];
}

/** A panel, and what Prometheus answered to its queries. */
export interface AnsweredPanel {
  readonly panel: Panel;
  readonly lines: readonly Line[];
}

/** Asks all queries of a dashboard. @throws Error for a panel without an answer: it would be empty */
export async function ask(
  prometheus: Prometheus,
  dashboard: Dashboard,
  range: Range,
): Promise<AnsweredPanel[]> {
  const answered: AnsweredPanel[] = [];
  for (const panel of panelsOf(dashboard)) {
    const lines: Line[] = [];
    for (const { expr, legendFormat = "" } of panel.targets ?? []) {
      for (const { metric, values } of await prometheus.queryRange(substituted(expr), range)) {
        const points = values.map(([time, value]) => [time, finite(Number(value))] as const);
        const name = legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? "");
        if (points.some(([, value]) => value !== null)) lines.push({ name, points });
      }
    }
    if (panel.type !== "row" && lines.length === 0)
      throw new Error(`the panel "${panel.title}" has no answer`);
    answered.push({ panel, lines });
  }
  return answered;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** The last value of a line. */
export function last({ points }: Line): number {
  return points.findLast(([, value]) => value !== null)?.[1] ?? 0;
}

/** The greatest value of a line. */
export function max({ points }: Line): number {
  return Math.max(...points.map(([, value]) => value ?? 0));
}
