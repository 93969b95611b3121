import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DASHBOARDS: string = fileURLToPath(new URL("../dashboards", import.meta.url));

/** A query of a panel. */
export interface Target {
  readonly expr: string;
  readonly legendFormat?: string;
}

/** What is read of a panel. */
export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  /** The panels of a row that is collapsed. */
  readonly panels?: readonly Panel[];
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly custom?: { readonly fillOpacity?: number; readonly stacking?: { readonly mode: string } };
      readonly thresholds?: {
        readonly steps: readonly { readonly value: number | null; readonly color: string }[];
      };
    };
    readonly overrides: readonly {
      readonly matcher: { readonly id: string; readonly options?: unknown };
      readonly properties: readonly { readonly id: string; readonly value?: unknown }[];
    }[];
  };
  readonly options?: { readonly textMode?: string };
}

/** A dashboard as committed. */
export interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** All dashboards that are committed. */
export function readDashboards(): Dashboard[] {
  return readdirSync(DASHBOARDS)
    .filter((file) => file.endsWith(".json"))
    .map((file) => JSON.parse(readFileSync(`${DASHBOARDS}/${file}`, "utf8")));
}

/** All panels, also those in rows that are collapsed. */
export function panelsOf({ panels }: Pick<Dashboard, "panels">): Panel[] {
  return panels.flatMap((panel) => [panel, ...panelsOf({ panels: panel.panels ?? [] })]);
}

/** What stands for the variables of a dashboard: everything, at one scrape a second. */
const VALUES: Readonly<Record<string, string>> = {
  job: ".*",
  instance: ".*",
  client: ".*",
  __rate_interval: "15s",
  __interval: "1s",
  __range: "1m",
};

/** A query as Grafana would ask it. @throws Error for a variable without a value */
export function substituted(expr: string): string {
  return expr.replace(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (variable, braced, bare) => {
    const value = VALUES[braced ?? bare];
    if (value === undefined) throw new Error(`${variable} has no value in ${expr}`);
    return value;
  });
}
