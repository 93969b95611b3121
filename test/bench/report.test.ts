import { expect, test } from "vitest";
import { chart } from "../../bench/report/chart.ts";
import { checkLines, checks } from "../../bench/report/checks.ts";
import { markdown, replaceBetweenMarks } from "../../bench/report/markdown.ts";
import { textTable } from "../../bench/report/table.ts";
import type { Results, Row, ScenarioResult } from "../../bench/results.ts";
import { scenarios } from "../../bench/scenarios.ts";
import { median } from "../../bench/statistics.ts";

function row(title: string, milliseconds: readonly number[], rest: Partial<Row> = {}): Row {
  const runs = milliseconds.map((each) => ({ milliseconds: each, processor: 50, roundTrips: 103 }));
  return { variant: "data", title, messages: 100, octets: 409_600, runs, ...rest };
}

const FAR: ScenarioResult = {
  name: "far",
  title: "far & wide",
  base: "nodemailer, 1 connection",
  rows: [
    row("smtp-pipelining, DATA", [5_000, 1_000, 3_000]),
    row("smtp-pipelining, CHUNKING strict", [], { failed: "no such option" }),
    row("nodemailer, 1 connection", [10_000, 9_000, 3_000]),
    row("smtp-client", [2_000, 2_000, 2_000], { scaledFrom: 10 }),
  ],
  leftOut: ["Postfix's smtp-source: not installed on this machine"],
};

const RESULTS: Results = {
  measuredAt: "2026-01-02T03:04:05.000Z",
  machine: { processor: "Abacus", processors: 2, memory: 8, system: "Linux 6.1", node: "v20.19.0" },
  versions: { nodemailer: "1.2.3" },
  limits: {
    data: 200_000,
    chunking: 500_000,
    proxy: 100_000,
    oneAtATime: 9_876,
    roundTrip: 50.61,
    stream: 1_500,
  },
  scenarios: [FAR],
};

test("the median is the value in the middle, or between two", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, Number.NaN]);
});

test("a table: times with their spread, ratios of the rounds, small samples scaled and said to be", () => {
  const [head = "", ...rows] = textTable(FAR, ["time", "ratio", "perMessage"]).split("\n");
  expect(head.trim().split(/ {2,}/)).toEqual(["time", "times faster", "a message"]);
  const cells = rows.map((line) => line.split(/ {2,}/));
  // The ratios of the rounds are 2, 9 and 1; the ratio of the medians would be 3.
  expect(cells[0]).toEqual(["smtp-pipelining, DATA", "3.00 s (1.00 s to 5.00 s)", "2 (1 to 9)", "1.030"]);
  expect(cells[1]).toEqual(["smtp-pipelining, CHUNKING strict", "not measured: no such option"]);
  expect(cells[3]?.slice(0, 3)).toEqual([
    "smtp-client *",
    "20.00 s (20.00 s to 20.00 s)",
    "0.45 (0.15 to 0.5)",
  ]);
  expect(rows).toContain("* each run sent 10 messages: its time is scaled up, its round trips are not");
  expect(rows).toContain("left out: Postfix's smtp-source: not installed on this machine");
});

test("every column of every scenario is explained below its table", () => {
  for (const scenario of scenarios(false)) {
    const [head = "", ...rest] = textTable({ ...FAR, name: scenario.name }, scenario.columns).split("\n");
    const explained = rest.slice(rest.indexOf("") + 1);
    for (const title of head.trim().split(/ {2,}/)) {
      expect(explained.some((line) => line.startsWith(`${title} `))).toBe(true);
    }
  }
});

test("demands: met, not met, failed, and not measured", () => {
  const lines = checkLines(checks(RESULTS));
  expect(lines[0]).toBe(
    " yes  DATA, 50 ms away: round trips a message over 100 messages: at most 1.04: 1.03",
  );
  expect(lines[1]).toMatch(
    /^ {2}NO {2}CHUNKING strict, 50 ms away: .* at most 1\.04: Error: no such option$/,
  );
  expect(lines[2]).toMatch(/^ {2}- {3}CHUNKING bursts.*: at most 8: not measured$/);
  const slow = { scenarios: [{ ...FAR, name: "loopback" }] };
  expect(checks(slow).find(({ text }) => text.startsWith("DATA, one machine"))).toMatchObject({
    measured: "2.00",
    met: false,
  });
});

test("every demand is about rows that the bench measures", () => {
  const all = scenarios(false).map(({ name, title, base, entries }): ScenarioResult => {
    const rows = entries.map((entry) =>
      row(entry.title, [1], { messages: entry.messages ?? 100, peakMemory: 1 }),
    );
    return { name, title, base, rows, leftOut: [] };
  });
  expect(checks({ scenarios: all }).filter(({ met }) => met === undefined)).toEqual([]);
});

test("the README gets tables between its marks, and nothing else of it changes", () => {
  const before =
    "before\n<!-- bench: written by npm run bench -- --readme -->\nold\n<!-- /bench -->\nafter\n";
  const after = replaceBetweenMarks(before, markdown(RESULTS, scenarios(false)));
  expect(after).toMatch(/^before\n<!-- bench: .* -->\nMeasured on 2026-01-02: 2 × Abacus, 8 GiB, Linux 6\.1/);
  expect(after).toMatch(/\n<!-- \/bench -->\nafter\n$/);
  expect(after).not.toContain("old");
  expect(after).toContain("| far & wide | time | times faster | round trips | a message |\n| --- | ---: |");
  expect(after).toContain("| smtp-client \\* | 20.00 s (20.00 s to 20.00 s) |");
  expect(after).toContain("9,876 at one round trip each");
  expect(() => replaceBetweenMarks("no marks", "")).toThrow(/in the document/);
});

test("the chart has a bar for each row that was measured, as long as its value", () => {
  const svg = chart({ scenarios: [{ ...FAR, name: "loopback" }] });
  expect(svg).toContain("far &#38; wide");
  const widths = [...svg.matchAll(/<rect class="(own|other)".* width="([\d.]+)"/g)].map(([, kind, width]) => [
    kind,
    width,
  ]);
  // 33.3, 11.1 and 5 messages a second.
  expect(widths).toEqual([
    ["own", "460.0"],
    ["other", "153.3"],
    ["other", "69.0"],
  ]);
  expect(svg).not.toContain("CHUNKING strict");
});

test("where values lie far apart, the chart says that its scale is one of decades", () => {
  const rows = [row("smtp-pipelining, DATA", [10]), row("smtp-client", [10_000])];
  const svg = chart({ scenarios: [{ ...FAR, name: "loopback", rows }] });
  expect(svg).toContain("each line is ten times the one before");
  // From 1 to 10,000 messages a second in four decades: 10 is one of them.
  const [, long, short] = [...svg.matchAll(/<rect class="\w+".* width="([\d.]+)"/g)].map(
    ([, width]) => width,
  );
  expect([long, short]).toEqual(["460.0", "115.0"]);
});
