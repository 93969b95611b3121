import { readFileSync } from "node:fs";

/** A file of the folder `grafana`. */
export function grafanaFile(path: string): URL {
  return new URL(`../../grafana/${path}`, import.meta.url);
}

export function readGrafana(path: string): string {
  return readFileSync(grafanaFile(path), "utf8");
}

/** What the tests look at in a panel of the committed dashboard. */
export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly legendFormat: string;
  }[];
  readonly panels?: readonly unknown[];
}

interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly query: string;
}

export interface DashboardJson {
  readonly id: unknown;
  readonly uid: string;
  readonly editable: boolean;
  readonly panels: readonly PanelJson[];
  readonly templating: { readonly list: readonly VariableJson[] };
}

export function readDashboard(): DashboardJson {
  return JSON.parse(readGrafana("dashboards/smtp-pipelining.json")) as DashboardJson;
}
