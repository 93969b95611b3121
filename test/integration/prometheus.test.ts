import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { panelsOf, readDashboards, substituted } from "../../grafana/picture/dashboard.ts";
import { type Example, startExample } from "../../grafana/picture/example.ts";
import {
  type Prometheus,
  type Range,
  type RangeSeries,
  startPrometheus,
} from "../../grafana/picture/prometheus.ts";
import {
  alertRules,
  checkMetrics,
  measuredBy,
  prometheusSkipped,
  requirePrometheus,
} from "../support/prometheus.ts";
import { redisSkipped } from "../support/redis.ts";
import { series, type Totals, withLabels } from "../support/scrape.ts";

/** How long mail is sent: long enough for a rate over 15 s. */
const SECONDS = 20;

const all = readDashboards()
  .flatMap(panelsOf)
  .flatMap(({ title, targets = [] }) =>
    targets.map(({ legendFormat = "", expr }) => [title, legendFormat, expr] as const),
  );
/** What only workers have. */
const queueTargets = all.filter(([, , expr]) => /smtp_client_(?:jobs?|queue|worker)_/.test(expr));
const targets = all.filter((target) => !queueTargets.includes(target));

test("there are panels and alerts to be asked", () => {
  expect(targets.length).toBeGreaterThan(20);
  expect(queueTargets.length).toBeGreaterThan(10);
  expect(alertRules().length).toBeGreaterThan(0);
});

test.each([
  ["up", ["up"]],
  ["a > 1", ["a"]],
  [
    'sum(rate(a{x=~"b>1 and c"}[5m])) / (sum(b) > 0) >= 0.5',
    ['sum(rate(a{x=~"b>1 and c"}[5m])) / (sum(b) > 0)'],
  ],
  ["a > bool 1 and on (x) (b == 0 or c < d) unless e", ["a", "b", "c", "d", "e"]],
  ["(a > 1) and (b > 1e-3)", ["a", "b"]],
])("what is measured by %s", (expr, measured) => {
  expect(measuredBy(expr)).toEqual(measured);
});

/** What came back about that time, without what is no number. */
async function numbers(prometheus: Prometheus, expr: string, range: Range): Promise<RangeSeries[]> {
  const answer = await prometheus.queryRange(substituted(expr), range);
  return answer.filter(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))));
}

function checkAnswers(answers: readonly RangeSeries[], legend: string, expr: string): void {
  expect(answers, expr).not.toEqual([]);
  // The labels that name its series are there.
  const labels = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
  for (const { metric } of answers) expect(Object.keys(metric), expr).toEqual(expect.arrayContaining(labels));
}

describe.skipIf(prometheusSkipped)("a real Prometheus that scrapes the example", () => {
  let example: Example;
  let prometheus: Prometheus;
  let totals: Totals;
  let lastScrape: string;
  let sending: { start: number; end: number };

  beforeAll(async () => {
    requirePrometheus();
    const start = Date.now() / 1_000;
    example = await startExample(["--seconds", String(SECONDS), "--linger", "300", "--json"]);
    prometheus = await startPrometheus({ targets: [new URL(example.url).host], rules: alertRules() });
    const line = await example.line("totals ");
    totals = JSON.parse(line.slice("totals ".length));
    lastScrape = await (await fetch(example.url)).text();
    // Until it has scraped what does not change any more.
    const end = Date.now() / 1_000;
    sending = { start, end };
    await prometheus.until(
      () => prometheus.query("timestamp(smtp_client_build_info)"),
      ([newest]) => Number(newest?.value[1]) > end,
    );
  }, 120_000);

  afterAll(async () => {
    example?.interrupt();
    await Promise.all([prometheus?.close(), example?.ended]);
  });

  function answersTo(expr: string): Promise<RangeSeries[]> {
    return numbers(prometheus, expr, sending);
  }

  test("promtool finds nothing wrong with a scrape", () => {
    expect(checkMetrics(lastScrape)).toEqual({ status: 0, said: "" });
    // It would find it.
    expect(checkMetrics("# TYPE apples counter\napples 1\n").said).toContain("_total");
  });

  /** The values that it has now, by those labels. */
  async function stored(expr: string, labels: string[]): Promise<Record<string, number>> {
    const answer = await prometheus.query(expr);
    return withLabels(
      answer.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) })),
      labels,
    );
  }

  test("has each series as it was served", async () => {
    const served = series(lastScrape).filter(({ name }) => name === "smtp_client_replies_total");
    expect(served.length).toBeGreaterThan(50);
    const labels = ["client", "verb", "code"];
    expect(await stored("smtp_client_replies_total", labels)).toEqual(withLabels(served, labels));
  });

  test("counts the messages that the deliveries tell of", async () => {
    const counts = totals.messages.map(({ client, result, count }) => [`${client} ${result}`, count]);
    expect(
      await stored("sum by (client, result) (smtp_client_messages_total) > 0", ["client", "result"]),
    ).toEqual(Object.fromEntries(counts));
    expect(totals.messages.reduce((sum, { count }) => sum + count, 0)).toBe(SECONDS * 50);
  });

  test("counts the recipients that the deliveries tell of", async () => {
    const counts = totals.recipients.map(({ client, result, stage, count }) => [
      `${client} ${result} ${stage}`,
      count,
    ]);
    expect(
      await stored("sum by (client, result, stage) (smtp_client_recipients_total) > 0", [
        "client",
        "result",
        "stage",
      ]),
    ).toEqual(Object.fromEntries(counts));
  });

  test.each(targets)("answers the panel “%s”, %s", async (_, legend, expr) => {
    checkAnswers(await answersTo(expr), legend, expr);
  });

  test("has loaded every alert, and has what each measures", async () => {
    const alerts = await prometheus.until(
      () => prometheus.alerts(),
      (all) => all.every(({ health }) => health !== "unknown"),
    );
    expect(alerts.length).toBeGreaterThan(5);
    expect(alerts.filter(({ health }) => health !== "ok")).toEqual([]);
    for (const { name, query } of alerts) {
      const measured = measuredBy(query);
      expect(measured, name).not.toEqual([]);
      for (const expr of measured) expect(await answersTo(expr), `${name}: ${expr}`).not.toEqual([]);
    }
  });

  test("a misspelt metric is what these tests would see", async () => {
    expect(await answersTo("rate(smtp_client_mesages_total[$__rate_interval])")).toEqual([]);
  });
});

describe.skipIf(prometheusSkipped || redisSkipped)("a real Prometheus that scrapes a worker", () => {
  let example: Example;
  let prometheus: Prometheus;
  let range: Range;

  beforeAll(async () => {
    requirePrometheus();
    const start = Date.now() / 1_000;
    example = await startExample(["--messages", "8000", "--linger", "300"], "worker");
    prometheus = await startPrometheus({ targets: [new URL(example.url).host] });
    await example.line("The metrics stay");
    const over = Date.now() / 1_000;
    const [newest] = await prometheus.until(
      () => prometheus.query("timestamp(smtp_client_build_info)"),
      ([latest]) => Number(latest?.value[1]) > over,
    );
    range = { start, end: Number(newest?.value[1]) };
  }, 120_000);

  afterAll(async () => {
    example?.interrupt();
    await Promise.all([prometheus?.close(), example?.ended]);
  });

  test.each(queueTargets)("answers the panel “%s”, %s", async (_, legend, expr) => {
    checkAnswers(await numbers(prometheus, expr, range), legend, expr);
  });
});
