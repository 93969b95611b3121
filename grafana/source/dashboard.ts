import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  RowBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { type Panel, toBuilder } from "./panel.ts";
import { connections } from "./rows/connections.ts";
import { delivery } from "./rows/delivery.ts";
import { errorsAndBytes } from "./rows/errors-and-bytes.ts";
import { latencies } from "./rows/latency.ts";
import { overview } from "./rows/overview.ts";
import { pipelining } from "./rows/pipelining.ts";
import { pool } from "./rows/pool.ts";
import { variables } from "./variables.ts";

const ROWS: readonly (readonly [title: string, panels: readonly Panel[]])[] = [
  ["Overview", overview],
  ["Delivery", delivery],
  ["Pipelining", pipelining],
  ["Latency", latencies],
  ["Connections", connections],
  ["Errors and bytes", errorsAndBytes],
  ["Pool", pool],
];

/** The dashboard in Grafana's classic JSON model. */
function makeDashboard(): Dashboard {
  const builder = new DashboardBuilder("SMTP pipelining")
    .id(null)
    .uid("smtp-pipelining")
    .description("Mail sent with smtp-pipelining: fates, pipelining, latency, connections, errors.")
    .tags(["smtp", "mail", "smtp-pipelining"])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: "now-3h", to: "now" })
    .refresh("30s")
    .variables(variables())
    .annotations([])
    .links([]);
  for (const [index, [title, panels]] of ROWS.entries()) {
    // A panel more in one row does not renumber those of the others.
    const id = (index + 1) * 100;
    builder.withRow(new RowBuilder(title).id(id).collapsed(false));
    for (const [place, panel] of panels.entries()) builder.withPanel(toBuilder(panel, id + place + 1));
  }
  return builder.build();
}

/** The files of this generator: their text by their name in `dashboards/`. */
export function makeFiles(): ReadonlyMap<string, string> {
  return new Map([["smtp-pipelining.json", `${JSON.stringify(makeDashboard(), null, 2)}\n`]]);
}
