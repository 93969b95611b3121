import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { leftOutWithout } from "./tools.ts";

const ALERTS: string = fileURLToPath(new URL("../../grafana/alerts", import.meta.url));

const INSTALL = "On Debian: apt-get install prometheus. Elsewhere: https://prometheus.io/download.";

/** Whether there is no Prometheus to test with. */
export const prometheusSkipped: boolean = leftOutWithout(["prometheus", "promtool"], INSTALL);

/** @throws Error that says how to install what is missing */
export function requirePrometheus(): void {
  for (const program of ["prometheus", "promtool"]) {
    if (spawnSync(program, ["--version"]).status === 0) continue;
    throw new Error(`${program} is not on the PATH. ${INSTALL}`);
  }
}

/** The committed files of alert rules. */
export function alertRules(): string[] {
  return readdirSync(ALERTS)
    .filter((file) => file.endsWith(".rules.yml"))
    .map((file) => `${ALERTS}/${file}`);
}

/** Runs `promtool check metrics` on a scrape. */
export function checkMetrics(scrape: string): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: scrape,
    encoding: "utf8",
  });
  return { status, said: stdout + stderr };
}

const SET_OPERATOR = /\b(?:and|or|unless)\b(?:\s*(?:on|ignoring)\s*\([^)]*\))?/y;
const COMPARISON = /(?:[=!]=|[<>]=?)(?:\s*bool\b)?/y;
const NUMBER = /^-?\d[\d.]*(?:e[+-]?\d+)?$/i;

/**
 * What an alert's conditions measure: both sides of its comparisons, without numbers. An alert that is silent returns
 * nothing, as a misspelt metric does: so these are asked instead.
 */
export function measuredBy(expr: string): string[] {
  const inner = withoutParentheses(expr.trim());
  const conditions = split(inner, SET_OPERATOR);
  if (conditions.length > 1) return conditions.flatMap(measuredBy);
  return split(inner, COMPARISON)
    .map((side) => side.trim())
    .filter((side) => !NUMBER.test(side));
}

/** Takes away parentheses that are around all of it. */
function withoutParentheses(expr: string): string {
  if (!expr.startsWith("(") || !expr.endsWith(")")) return expr;
  const inner = expr.slice(1, -1);
  let depth = 0;
  for (const { nesting } of outline(inner)) {
    depth += nesting;
    if (depth < 0) return expr;
  }
  return withoutParentheses(inner.trim());
}

/** Splits an expression at an operator, where that is inside of no parentheses, braces or quotes. */
function split(expr: string, operator: RegExp): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (const { at, nesting } of outline(expr)) {
    depth += nesting;
    if (depth > 0 || at < from) continue;
    operator.lastIndex = at;
    const length = operator.exec(expr)?.[0].length;
    if (length === undefined) continue;
    parts.push(expr.slice(from, at));
    from = at + length;
  }
  return [...parts, expr.slice(from)];
}

/** The characters that are in no quotes, and whether each opens (1) or closes (-1) something. */
function* outline(expr: string): Generator<{ readonly at: number; readonly nesting: number }> {
  for (const { index, 0: token } of expr.matchAll(/"(?:[^"\\]|\\.)*"|[\s\S]/g)) {
    if (token.startsWith('"')) continue;
    yield { at: index, nesting: "([{".includes(token) ? 1 : ")]}".includes(token) ? -1 : 0 };
  }
}
