import { type Results, type Row, rate, type ScenarioResult, throughput } from "../results.ts";
import { count } from "./columns.ts";

// The results as a picture: horizontal bars, drawn by hand, on a card of its own so that it can be read on any page.

const WIDTH = 860;
const LEFT = 250;
const BARS = 460;
const ROW = 26;
const BAR = 16;
const HEAD = 58;
const GAP = 22;
/** From this ratio on of the longest to the shortest, a scale of decades shows more. */
const DECADES_FROM = 30;

const STYLE = `
  .card { fill: #ffffff; stroke: #d0d7de; }
  text { font: 13px -apple-system, "Segoe UI", "Liberation Sans", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .note, .tick { fill: #59636e; font-size: 12px; }
  .value { font-variant-numeric: tabular-nums; }
  .grid { stroke: #d8dee4; }
  .own { fill: #0969da; }
  .other { fill: #afb8c1; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d; }
    text { fill: #e6edf3; }
    .note, .tick { fill: #9198a1; }
    .grid { stroke: #262c36; }
    .own { fill: #4493f8; }
    .other { fill: #656c76; }
  }`;

interface Panel {
  readonly scenario: string;
  readonly unit: string;
  readonly value: (row: Row) => number;
}

const PANELS: readonly Panel[] = [
  { scenario: "far-many", unit: "messages a second", value: rate },
  { scenario: "recipients", unit: "messages a second", value: rate },
  { scenario: "loopback", unit: "messages a second", value: rate },
  { scenario: "stream", unit: "MiB a second", value: throughput },
];

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function scale(values: readonly number[]): {
  readonly width: (value: number) => number;
  readonly ticks: readonly number[];
} {
  const largest = Math.max(...values);
  const smallest = Math.min(...values);
  if (largest / smallest < DECADES_FROM) return { width: (value) => (value / largest) * BARS, ticks: [] };
  const from = Math.floor(Math.log10(smallest / 2));
  const decades = Math.log10(largest) - from;
  const ticks = Array.from({ length: Math.floor(decades) + 1 }, (_, i) => 10 ** (from + i));
  return { width: (value) => ((Math.log10(value) - from) / decades) * BARS, ticks };
}

function panel(
  result: ScenarioResult,
  { unit, value }: Panel,
  top: number,
): { text: string; height: number } {
  const rows = result.rows.filter(({ runs }) => runs.length > 0);
  const { width, ticks } = scale(rows.map(value));
  const end = top + HEAD + rows.length * ROW;
  const note = ticks.length > 0 ? `${unit}; each line is ten times the one before` : unit;
  const text = [
    `<text class="title" x="24" y="${top + 22}">${escaped(result.title)}</text>`,
    `<text class="note" x="24" y="${top + 41}">${note}, more is better</text>`,
    ...ticks.flatMap((tick) => {
      const x = (LEFT + width(tick)).toFixed(1);
      return [
        `<line class="grid" x1="${x}" x2="${x}" y1="${top + HEAD - 4}" y2="${end}"/>`,
        `<text class="tick" x="${x}" y="${end + 14}" text-anchor="middle">${count(tick)}</text>`,
      ];
    }),
    ...rows.flatMap((row, i) => {
      const y = top + HEAD + i * ROW;
      const long = Math.max(2, width(value(row)));
      const kind = row.title.startsWith("smtp-pipelining") ? "own" : "other";
      return [
        `<text x="${LEFT - 10}" y="${y + 13}" text-anchor="end">${escaped(row.title)}</text>`,
        `<rect class="${kind}" x="${LEFT}" y="${y}" width="${long.toFixed(1)}" height="${BAR}" rx="3"/>`,
        `<text class="value" x="${(LEFT + long + 8).toFixed(1)}" y="${y + 13}">${count(value(row))}</text>`,
      ];
    }),
  ];
  return { text: text.join("\n"), height: end - top + (ticks.length > 0 ? 18 : 0) };
}

/** Draws what was measured of the clients side by side. */
export function chart(results: Pick<Results, "scenarios">): string {
  const parts: string[] = [];
  let top = 14;
  for (const each of PANELS) {
    const result = results.scenarios.find(({ name }) => name === each.scenario);
    if (result === undefined || result.rows.every(({ runs }) => runs.length === 0)) continue;
    const { text, height } = panel(result, each, top);
    parts.push(text);
    top += height + GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img" aria-label="Clients side by side">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${top - 1}" rx="8"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}
