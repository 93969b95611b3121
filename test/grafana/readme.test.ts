import { expect, test } from "vitest";
import { parse } from "yaml";
import { METRICS } from "../../grafana/source/metrics.ts";
import { readDashboard, readGrafana } from "./dashboard-file.ts";
import { selectorsOf } from "./selectors.ts";

const readme = readGrafana("README.md");
const rules = (
  parse(readGrafana("alerts/smtp-pipelining.rules.yml")) as {
    groups: { rules: { alert: string; expr: string; for: string; labels: { severity: string } }[] }[];
  }
).groups.flatMap((group) => group.rules);
const panels = readDashboard().panels.filter(({ type }) => type !== "row");

test("the table of metrics says for each, and for all of them, which panels show it", () => {
  const table = new Map(
    [...readme.matchAll(/^\| `(smtp_client_\w+)` \| (.+) \|$/gm)].map(([, metric = "", titles = ""]) => [
      metric,
      titles.split("; ").toSorted(),
    ]),
  );
  expect([...table.keys()].toSorted()).toEqual(Object.values<string>(METRICS).toSorted());
  for (const [metric, titles] of table) {
    const showing = panels.filter(({ targets = [] }) =>
      targets.some(({ expr }) => selectorsOf(expr).some((selector) => selector.metric === metric)),
    );
    expect(titles, metric).toEqual(showing.map(({ title }) => title).toSorted());
  }
});

test("every alert stands in the table with its severity, and has steps", () => {
  const table = [...readme.matchAll(/^\| \[(\w+)\]\(#(\w+)\) \| (\w+) \|/gm)].map(
    ([, alert, anchor, severity]) => [alert, anchor, severity],
  );
  expect(table).toEqual(rules.map(({ alert, labels }) => [alert, alert.toLowerCase(), labels.severity]));
  const sections = readme.split(/^### /m).slice(1);
  expect(sections.map((section) => section.split("\n")[0])).toEqual(rules.map(({ alert }) => alert));
  for (const section of sections) expect(section, section).toMatch(/^1\. |\| what to do \|/m);
});

test("the table says for what each alert fires, and how long that must be so", () => {
  const table = [
    ...readme.matchAll(/^\| \[(\w+)\]\(#\w+\) \| \w+ \| ([^|]+) \| .*; for (\d+) minutes? \|$/gm),
  ].map(([, alert, each, minutes]) => ({ alert, each, for: `${minutes}m` }));
  expect(table).toEqual(
    rules.map(({ alert, expr, for: held }) => {
      const [, by = ""] = /sum by \(([^)]*)\)/.exec(expr) ?? [];
      const each = by.split(", ").filter((label) => label !== "le");
      return { alert, each: each.join(", "), for: held };
    }),
  );
});

test("the panels and the sections that the steps name exist", () => {
  const titles = panels.map(({ title }) => title);
  const steps = readme.slice(readme.indexOf("## Alerts"));
  const named = [...steps.matchAll(/(?<!\*)\*([A-Z][^*]*)\*(?!\*)/g)].map(([, title]) =>
    title?.replaceAll(/\s+/g, " "),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((title) => !titles.includes(title))).toEqual([]);
  const anchors = [...readme.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  expect(new Set(anchors)).toEqual(new Set(rules.map(({ alert }) => alert.toLowerCase())));
});

test("the error and warning codes that the steps name exist", () => {
  const codes = readGrafana("../src/protocol/errors.ts") + readGrafana("../src/pipeline/observer.ts");
  for (const [code] of readme.matchAll(/ESMTP_\w+/g)) expect(codes).toContain(`"${code}"`);
});
