import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { makeFiles } from "../../grafana/source/dashboard.ts";
import { METRICS } from "../../grafana/source/metrics.ts";
import { grafanaFile, type PanelJson, readDashboard, readGrafana } from "./dashboard-file.ts";
import { groupedBy, matches, registered, selectorsOf } from "./selectors.ts";

const dashboard = readDashboard();
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const rows = dashboard.panels.filter(({ type }) => type === "row");
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

test("the committed dashboards are what the generator makes: else run npm run grafana", () => {
  const files = makeFiles();
  expect(readdirSync(grafanaFile("dashboards"))).toEqual([...files.keys()]);
  for (const [name, text] of files) expect(readGrafana(`dashboards/${name}`), name).toBe(text);
});

test("it can be provisioned and imported as it is", () => {
  expect(dashboard.id).toBeNull();
  expect(dashboard.uid).toBe("smtp-pipelining");
  expect(dashboard.editable).toBe(false);
  expect(dashboard).not.toHaveProperty("__inputs");
  expect(JSON.stringify(dashboard)).not.toContain("DS_");
});

test("it has its rows, in order, none of them collapsed", () => {
  expect(rows.map(({ title }) => title)).toEqual([
    "Overview",
    "Delivery",
    "Pipelining",
    "Latency",
    "Connections",
    "Errors and bytes",
    "Pool",
  ]);
  expect(rows.flatMap(({ panels: inside = [] }) => inside)).toEqual([]);
  expect(panels.length).toBeGreaterThan(25);
});

test("the variables are the data source, then job, instance and client, each within those before it", () => {
  const list = dashboard.templating.list.map(({ name, type, query }) => [name, type, query]);
  expect(list).toEqual([
    ["datasource", "datasource", "prometheus"],
    ["job", "query", "label_values(smtp_client_build_info, job)"],
    ["instance", "query", 'label_values(smtp_client_build_info{job=~"$job"}, instance)'],
    ["client", "query", 'label_values(smtp_client_build_info{job=~"$job", instance=~"$instance"}, client)'],
  ]);
});

test("no data source is named but that of the variable", () => {
  const uids = [...JSON.stringify(dashboard).matchAll(/"datasource":\{[^}]*?"uid":"([^"]*)"/g)];
  expect(uids.length).toBeGreaterThan(panels.length);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own syntax
  expect(new Set(uids.map(([, uid]) => uid))).toEqual(new Set(["${datasource}"]));
});

test.each(panels)("$title: described, with a unit, and a legend for each query", (panel) => {
  expect(panel.title).toMatch(/^[A-Z]/);
  expect(panel.description).toMatch(/^[A-Z].{30,}\.$/);
  expect(panel.fieldConfig?.defaults.unit).toMatch(/^\w+$/);
  expect(panel.targets?.length).toBeGreaterThan(0);
  for (const { legendFormat } of panel.targets ?? []) expect(legendFormat).not.toBe("");
  const refIds = panel.targets?.map(({ refId }) => refId) ?? [];
  expect(new Set(refIds).size).toBe(refIds.length);
});

test("ids and titles are unique", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const titles = panels.map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});

test("no panel covers another, none leaves the grid", () => {
  const overlapping = (a: PanelJson, b: PanelJson): boolean =>
    a.gridPos.x < b.gridPos.x + b.gridPos.w &&
    b.gridPos.x < a.gridPos.x + a.gridPos.w &&
    a.gridPos.y < b.gridPos.y + b.gridPos.h &&
    b.gridPos.y < a.gridPos.y + a.gridPos.h;
  const all = dashboard.panels;
  const clashes = all.flatMap((a, i) =>
    all
      .slice(i + 1)
      .filter((b) => overlapping(a, b))
      .map((b) => [a, b]),
  );
  expect(clashes.map((pair) => pair.map(({ title }) => title))).toEqual([]);
  expect(all.filter(({ gridPos: { x, w } }) => x < 0 || w < 1 || x + w > 24)).toEqual([]);
});

test.each(queries)(
  "$title: selects by job, instance and client, and rates by the interval: $expr",
  ({ expr }) => {
    const selectors = selectorsOf(expr);
    expect(selectors.length).toBeGreaterThan(0);
    for (const { matchers } of selectors) {
      expect(matchers).toEqual(
        expect.arrayContaining(
          ["job", "instance", "client"].map((label) => ({ label, operator: "=~", value: `$${label}` })),
        ),
      );
    }
    const ranges = [...expr.matchAll(/\[([^\]]*)\]/g)].map(([, range]) => range);
    expect(ranges.filter((range) => range !== "$__rate_interval")).toEqual([]);
    expect(expr.match(/\b(?:i?rate|increase)\(/g)?.length ?? 0).toBe(ranges.length);
  },
);

test.each(queries)("$title: no division by zero, no quantile of nothing: $expr", ({ expr }) => {
  expect(
    expr
      .split(" / ")
      .slice(1)
      .filter((divisor) => !/^\(.* > 0\)$/.test(divisor)),
  ).toEqual([]);
  if (expr.includes("histogram_quantile")) expect(expr).toMatch(/\) >= 0$/);
});

test("the metrics known here are those that the library registers", async () => {
  expect(Object.values(METRICS).toSorted()).toEqual([...(await registered()).keys()].toSorted());
});

test("every metric is on some panel, and every panel's metric exists", () => {
  const shown = new Set(queries.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)));
  expect([...shown].toSorted()).toEqual(Object.values<string>(METRICS).toSorted());
});

test("counters and histograms are read as rates, gauges as they are", async () => {
  const metrics = await registered();
  for (const { expr } of queries) {
    for (const [, prefix, name = ""] of expr.matchAll(/(rate\()?\b(smtp_client_\w+)/g)) {
      const counted = /_(?:total|bucket|sum|count)$/.test(name);
      expect([name, prefix !== undefined]).toEqual([name, counted]);
      const { type } = metrics.get(name.replace(/_(?:bucket|sum|count)$/, "")) ?? {};
      expect([name, type === "gauge"]).toEqual([name, !counted]);
    }
  }
});

test("every label and every value of a label that a query names exists", async () => {
  const metrics = await registered();
  for (const { expr } of queries) {
    for (const { metric, matchers } of selectorsOf(expr)) {
      const { labels = [], series = [] } = metrics.get(metric) ?? {};
      const known = [...labels, "job", "instance", "le"];
      expect(known, expr).toEqual(
        expect.arrayContaining([...groupedBy(expr), ...matchers.map((m) => m.label)]),
      );
      for (const matcher of matchers.filter(({ value }) => !value.startsWith("$"))) {
        for (const value of matcher.value.split("|")) {
          const named = { ...matcher, operator: "=", value };
          const hit = series.some((one) => matches(named, String(one[matcher.label])));
          expect(hit, `${metric} ${matcher.label}=${value}`).toBe(true);
        }
      }
    }
  }
});
