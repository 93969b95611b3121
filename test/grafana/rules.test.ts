import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { METRICS } from "../../grafana/source/metrics.ts";
import { leftOutWithout } from "../support/tools.ts";
import { grafanaFile, readGrafana } from "./dashboard-file.ts";
import { groupedBy, matches, registered, selectorsOf } from "./selectors.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook: string;
  };
}

const RULES = "alerts/smtp-pipelining.rules.yml";
const RULE_TESTS = "alerts/smtp-pipelining.rules.test.yml";

const rules = (parse(readGrafana(RULES)) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

/** What an alert is tested with: `exp_alerts` is empty where it must not fire. */
const expectations = (
  parse(readGrafana(RULE_TESTS)) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  }
).tests.flatMap(({ alert_rule_test }) => alert_rule_test);

const INSTALL = "On Debian: apt-get install prometheus; on macOS: brew install prometheus.";

function promtool(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, error, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT") {
    throw new Error(`promtool is missing. ${INSTALL}`);
  }
  if (error !== undefined) throw error;
  return { status, output: stdout + stderr };
}

const skipped = leftOutWithout(["promtool"], INSTALL);

describe.skipIf(skipped)("promtool", () => {
  test("takes the rules", () => {
    const { status, output } = promtool("check", "rules", fileURLToPath(grafanaFile(RULES)));
    expect(output).toContain(`SUCCESS: ${rules.length} rules found`);
    expect(status).toBe(0);
  });

  test("each alert fires when it should and not when it should not", () => {
    const { status, output } = promtool("test", "rules", fileURLToPath(grafanaFile(RULE_TESTS)));
    expect(output).toContain("SUCCESS");
    expect(status, output).toBe(0);
  });

  test("takes the configuration of Prometheus", () => {
    const path = fileURLToPath(grafanaFile("prometheus.yml"));
    const { status, output } = promtool("check", "config", "--syntax-only", path);
    expect(status, output).toBe(0);
  });
});

test("the alerts", () => {
  expect(rules.map(({ alert }) => alert)).toEqual([
    "SmtpFailureRatioHigh",
    "SmtpDeferralsHigh",
    "SmtpUnknownOutcomes",
    "SmtpDeliveryStalled",
    "SmtpConnectFailures",
    "SmtpAuthFailures",
    "SmtpServerDisconnects",
    "SmtpGroupLatencyHigh",
    "SmtpTelemetryErrors",
  ]);
});

test.each(rules)("$alert has for, severity, summary, description and a runbook that exists", (rule) => {
  expect(rule.for).toMatch(/^[1-9]\d*m$/);
  expect(rule.labels.severity).toMatch(/^(?:warning|critical)$/);
  expect(rule.annotations.summary).toContain("{{ $labels.client }}");
  expect(rule.annotations.description).toMatch(/\.$/);
  const [file, anchor] = rule.annotations.runbook.split("#");
  expect(file).toBe("grafana/README.md");
  expect(anchor).toBe(rule.alert.toLowerCase());
  expect(readGrafana("README.md")).toMatch(new RegExp(`^### ${rule.alert}$`, "m"));
});

test.each(rules)("$alert is tested firing and not firing", ({ alert }) => {
  const own = expectations.filter(({ alertname }) => alertname === alert);
  expect(own.filter(({ exp_alerts }) => exp_alerts.length > 0)).not.toEqual([]);
  expect(own.filter(({ exp_alerts }) => exp_alerts.length === 0)).not.toEqual([]);
});

test.each(rules)("$alert names metrics, labels and values that the library has", async ({ expr }) => {
  const metrics = await registered();
  const selectors = selectorsOf(expr);
  expect(selectors.length).toBeGreaterThan(0);
  expect(Object.values<string>(METRICS)).toEqual(
    expect.arrayContaining(selectors.map(({ metric }) => metric)),
  );
  for (const { metric, matchers } of selectors) {
    const { labels = [], series = [] } = metrics.get(metric) ?? {};
    expect([...labels, "job", "instance", "le"]).toEqual(expect.arrayContaining(groupedBy(expr)));
    for (const matcher of matchers) {
      for (const value of matcher.value.split("|")) {
        const named = { ...matcher, operator: "=", value };
        const hit = series.some((one) => matches(named, String(one[matcher.label])));
        expect(hit, `${metric} ${matcher.label}=${value}`).toBe(true);
      }
    }
  }
});
