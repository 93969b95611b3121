import { CountsPerSecond } from "@grafana/grafana-foundation-sdk/units";
import { METRICS } from "../metrics.ts";
import type { Panel } from "../panel.ts";
import { rate } from "../promql.ts";

export const connections: readonly Panel[] = [
  {
    kind: "chart",
    title: "Connections by result",
    description:
      "Attempts to connect per second by how they ended: ready, or what failed. greeting: the server refused to talk; refused: nobody listens there; timeout: often a firewall.",
    unit: CountsPerSecond,
    width: 12,
    colours: { ready: "green" },
    queries: [{ expr: rate(METRICS.connections, ["result"]), legend: "{{result}}" }],
  },
  {
    kind: "chart",
    title: "Disconnections by reason",
    description:
      "Ends of sessions that had been ready, per second. quit is the ordinary end; server: it said 421 or hung up; timeout: it fell silent; error: it broke the protocol.",
    unit: CountsPerSecond,
    width: 12,
    colours: { quit: "green", aborted: "text" },
    queries: [{ expr: rate(METRICS.disconnections, ["reason"]), legend: "{{reason}}" }],
  },
];
