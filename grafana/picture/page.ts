import { type AnsweredPanel, last, max } from "./answers.ts";
import { type ColouredLine, chart, colour, coloured, isShown, sparkline } from "./chart.ts";
import type { Dashboard, Panel } from "./dashboard.ts";
import type { Range } from "./prometheus.ts";
import { written } from "./units.ts";

/** The page: pixels. */
export const WIDTH = 1_600;
const MARGIN = 12;
const HEADER = 52;
/** Grafana's 24 columns, and the height of one row of its grid. */
const COLUMN: number = (WIDTH - 2 * MARGIN) / 24;
const ROW = 26;
const GAP = 8;
const TITLE = 28;
/** A legend's columns with numbers, a character of a name in it, and its share of a panel at most. */
const LEGEND_NUMBERS = 150;
const LEGEND_CHARACTER = 6.6;
const LEGEND_SHARE = 0.52;
/** Lines of a legend; what is left out is zero, or is counted. */
const LEGEND_LINES = 8;

const STYLE = `
  * { box-sizing: border-box; margin: 0 }
  body { background: #111217; color: #ccccdc; font: 13px "Liberation Sans", "DejaVu Sans", sans-serif; position: relative }
  header { height: ${HEADER}px; padding: 14px ${MARGIN + 4}px; font-size: 19px }
  header span { color: #9d9fa8; font-size: 12px; margin-left: 14px }
  section { position: absolute; background: #181b1f; border: 1px solid #25272e; border-radius: 3px; overflow: hidden }
  section h2 { font-size: 13px; height: ${TITLE}px; padding: 7px 10px }
  .row { background: none; border: none; font-size: 15px; padding-top: 2px }
  .row::before { content: "⌄"; margin: 0 8px }
  .chart { display: flex }
  table { border-collapse: collapse; font-size: 11px; height: fit-content; margin-right: 8px }
  th { color: #6e9fff; font-weight: normal }
  td, th { text-align: right; padding: 0 0 0 6px; height: 16px; white-space: nowrap }
  td:first-child { text-align: left; padding: 0 }
  td:first-child i { display: inline-block; width: 12px; height: 3px; margin: 0 5px 3px 0 }
  td.more { color: #9d9fa8 }
  .stat { position: absolute; inset: ${TITLE}px 0 34px; display: flex; gap: 24px; font-size: 34px; align-items: center; justify-content: center }
  .stat small { font-size: 18px; color: #ccccdc }
  .spark { position: absolute; bottom: 0; left: 0; line-height: 0 }
`;

/** The dashboard as a page of its own: nothing is loaded, nothing runs. */
export function page(
  { title }: Dashboard,
  panels: readonly AnsweredPanel[],
  range: Range,
): { readonly html: string; readonly height: number } {
  const height =
    HEADER + ROW * Math.max(...panels.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h)) + GAP;
  const from = new Date(range.start * 1_000).toISOString();
  const to = new Date(range.end * 1_000).toISOString();
  const when = `${from.slice(0, 10)} ${from.slice(11, 19)} to ${to.slice(11, 19)} UTC`;
  const html = `<!doctype html><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style>
<body style="width: ${WIDTH}px; height: ${height}px">
<header>${escaped(title)}<span>${when}</span></header>
${panels.map((panel) => section(panel, range)).join("\n")}
</body>`;
  return { html, height };
}

function section({ panel, lines }: AnsweredPanel, range: Range): string {
  const { x, y, w, h } = panel.gridPos;
  const width = Math.round(w * COLUMN) - GAP;
  const height = h * ROW - (panel.type === "row" ? 0 : GAP);
  const left = MARGIN + Math.round(x * COLUMN) + GAP / 2;
  const place = `left: ${left}px; top: ${HEADER + y * ROW}px; width: ${width}px; height: ${height}px`;
  if (panel.type === "row") return `<section class="row" style="${place}">${escaped(panel.title)}</section>`;
  const inside = { width: width - 2, height: height - TITLE - 2 };
  const content = panel.type === "stat" ? stat : timeSeries;
  return `<section style="${place}"><h2>${escaped(panel.title)}</h2>${content(panel, coloured(lines, panel), range, inside)}</section>`;
}

type Size = { readonly width: number; readonly height: number };

function timeSeries(panel: Panel, lines: readonly ColouredLine[], range: Range, size: Size): string {
  const shown = lines.filter((line, i) => i < LEGEND_LINES && isShown(line, i));
  const longest = Math.max(...shown.map(({ name }) => name.length));
  const width = Math.round(Math.min(LEGEND_NUMBERS + longest * LEGEND_CHARACTER, size.width * LEGEND_SHARE));
  const svg = chart(panel, lines, range, { width: size.width - width - 8, height: size.height });
  return `<div class="chart">${svg}${legend(panel, shown, lines.slice(shown.length), width)}</div>`;
}

function legend(
  panel: Panel,
  shown: readonly ColouredLine[],
  rest: readonly ColouredLine[],
  width: number,
): string {
  const { unit } = panel.fieldConfig?.defaults ?? {};
  const rows = shown.map(
    (line) =>
      `<tr><td><i style="background: ${line.colour}"></i>${escaped(line.name)}<td>${written(max(line), unit)}<td>${written(last(line), unit)}`,
  );
  const atZero = rest.every((line) => max(line) === 0);
  if (rest.length > 0) rows.push(`<tr><td class="more">${rest.length} more${atZero ? " at 0" : ""}`);
  return `<table style="width: ${width}px"><tr><td><th>Max<th>Last</tr>${rows.join("")}</table>`;
}

function stat(panel: Panel, lines: readonly ColouredLine[], range: Range, { width }: Size): string {
  const { unit, thresholds } = panel.fieldConfig?.defaults ?? {};
  const named = panel.options?.textMode === "value_and_name";
  const values = lines.map((line) => {
    const value = last(line);
    const step = thresholds?.steps.findLast((one) => one.value === null || one.value <= value);
    const shade = colour(step?.color ?? "text");
    const name = named ? `<small>${escaped(line.name)}</small> ` : "";
    const spark = named ? "" : sparkline({ ...line, colour: shade }, range, { width, height: 34 });
    return {
      text: `<span style="color: ${shade}">${name}${written(value, unit)}</span>`,
      spark: `<div class="spark">${spark}</div>`,
    };
  });
  return `<div class="stat">${values.map(({ text }) => text).join("")}</div>${values.map(({ spark }) => spark).join("")}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
