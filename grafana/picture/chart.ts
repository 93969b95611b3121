import { createRequire } from "node:module";
import { type Line, last, max } from "./answers.ts";
import type { Panel } from "./dashboard.ts";
import type { Range } from "./prometheus.ts";
import { written } from "./units.ts";

/** What is used of echarts. Its own types want a browser's, and looser settings of the compiler than ours. */
interface Echarts {
  init(
    element: null,
    theme: null,
    options: { renderer: "svg"; ssr: true; width: number; height: number },
  ): { setOption(option: object): void; renderToSVGString(): string; dispose(): void };
}

const require = createRequire(import.meta.url);
const echarts: Echarts = require("echarts");

/** Grafana's names of colours, in its dark theme. */
const NAMED: Readonly<Record<string, string>> = {
  green: "#73bf69",
  yellow: "#fade2a",
  orange: "#ff9830",
  red: "#f2495c",
  purple: "#b877d9",
  blue: "#5794f2",
  text: "#ccccdc",
};

/** For lines that the dashboard gives no colour. */
const PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#96d98d"];

/** The colour of Grafana's name. @throws Error for a name that is not known */
export function colour(name: string): string {
  const found = NAMED[name];
  if (found === undefined) throw new Error(`the colour ${name} is not known here`);
  return found;
}

/** A line with what it looks like. */
export interface ColouredLine extends Line {
  readonly colour: string;
}

/** Gives each line its colour; the greatest first, as the legend has them. */
export function coloured(lines: readonly Line[], panel: Panel): ColouredLine[] {
  const sorted = lines.toSorted((a, b) => max(b) - max(a) || last(b) - last(a));
  const given = sorted.map(({ name }) => override(panel, name));
  const free = PALETTE.filter((one) => !given.includes(one));
  return sorted.map((line, i) => ({ ...line, colour: given[i] ?? free[i % free.length] ?? "" }));
}

function override({ fieldConfig }: Panel, name: string): string | undefined {
  const properties = fieldConfig?.overrides.find(({ matcher }) => matcher.options === name)?.properties;
  const value = properties?.find(({ id }) => id === "color")?.value;
  return value === undefined ? undefined : colour((value as { fixedColor: string }).fixedColor);
}

/** Lines over time, as SVG. */
export function chart(
  panel: Panel,
  lines: readonly ColouredLine[],
  range: Range,
  size: { readonly width: number; readonly height: number },
): string {
  const { unit, custom } = panel.fieldConfig?.defaults ?? {};
  const axis = {
    axisLabel: { color: "#9d9fa8", fontSize: 11 },
    splitLine: { lineStyle: { color: "#26282e" } },
  };
  return drawn(size, {
    grid: { left: 66, right: 10, top: 8, bottom: 22 },
    xAxis: {
      ...timeAxis(range),
      ...axis,
      splitNumber: Math.floor(size.width / 110),
      axisLabel: { ...axis.axisLabel, formatter: "{HH}:{mm}:{ss}", hideOverlap: true },
      axisLine: { lineStyle: { color: "#3a3c44" } },
      axisTick: { show: false },
      splitLine: { ...axis.splitLine, show: true },
    },
    yAxis: {
      type: "value",
      min: 0,
      splitNumber: 4,
      ...ticks(lines, unit),
      ...axis,
      axisLabel: { ...axis.axisLabel, formatter: (value: number) => written(value, unit) },
    },
    // The greatest is drawn first, so that it hides nothing.
    series: lines.filter(isShown).map((line) => ({
      ...lineSeries(line, (custom?.fillOpacity ?? 0) / 100),
      ...(custom?.stacking?.mode === "normal" && { stack: "all" }),
    })),
  });
}

/** Whether a line is more than zeros. Of nothing but zeros the first is shown, so that there is a line. */
export function isShown(line: Line, index: number): boolean {
  return index === 0 || max(line) > 0;
}

/** Where the axis has its marks, if not at round decimal numbers. */
function ticks(lines: readonly Line[], unit: string | undefined): object {
  const top = Math.max(...lines.map(max));
  // A chart of zeros has a scale all the same.
  if (top === 0) return { max: 1, interval: 0.25 };
  if (unit !== "bytes" && unit !== "binBps") return {};
  const interval = 2 ** Math.ceil(Math.log2(top / 6));
  return { interval, max: Math.ceil(top / interval) * interval };
}

/** The little line in the background of a number, as SVG. */
export function sparkline(line: ColouredLine, range: Range, size: { width: number; height: number }): string {
  return drawn(size, {
    grid: { left: 0, right: 0, top: 2, bottom: 0 },
    xAxis: { ...timeAxis(range), show: false },
    yAxis: { type: "value", show: false, min: 0 },
    series: [lineSeries(line, 0.15)],
  });
}

function timeAxis({ start, end }: Range): object {
  return { type: "time", min: start * 1_000, max: end * 1_000 };
}

function lineSeries({ points, colour }: ColouredLine, opacity: number): object {
  return {
    type: "line",
    data: points.map(([time, value]) => [time * 1_000, value]),
    showSymbol: false,
    lineStyle: { width: 1.4, color: colour },
    areaStyle: { opacity, color: colour },
  };
}

function drawn(size: { readonly width: number; readonly height: number }, option: object): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption({ animation: false, useUTC: true, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
