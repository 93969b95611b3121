import {
  BytesIEC,
  BytesPerSecondIEC,
  CountsPerSecond,
  EventsPerSecond,
  Short,
} from "@grafana/grafana-foundation-sdk/units";
import { METRICS } from "../metrics.ts";
import type { Panel } from "../panel.ts";
import { mean, quantile, rate, series } from "../promql.ts";

export const errorsAndBytes: readonly Panel[] = [
  {
    kind: "chart",
    title: "Session errors by type",
    description:
      "Failures of sessions per second by the code of the error; what each means and what to do stands in the documentation of SmtpErrorCode.",
    unit: EventsPerSecond,
    width: 12,
    queries: [{ expr: rate(METRICS.errors, ["type"]), legend: "{{type}}" }],
  },
  {
    kind: "chart",
    title: "Warnings by code",
    description:
      "What was learnt about servers (they mishandle what is pipelined behind a text; no message is lost by it), and listeners of yours that threw.",
    unit: EventsPerSecond,
    width: 12,
    queries: [{ expr: rate(METRICS.warnings, ["code"]), legend: "{{code}}" }],
  },
  {
    kind: "chart",
    title: "Octets",
    description: "Octets per second: sent are commands and texts, received are replies.",
    unit: BytesPerSecondIEC,
    width: 8,
    queries: [{ expr: rate(METRICS.bytes, ["direction"]), legend: "{{direction}}" }],
  },
  {
    kind: "chart",
    title: "Message size",
    description: "Octets of text of a message; messages of which no text was written are left out.",
    unit: BytesIEC,
    width: 8,
    queries: [
      { expr: mean(METRICS.messageSize), legend: "mean" },
      { expr: quantile(0.5, METRICS.messageSize), legend: "p50" },
      { expr: quantile(0.95, METRICS.messageSize), legend: "p95" },
    ],
  },
  {
    kind: "chart",
    title: "Recipients per message",
    description: "Recipients that messages had, whatever became of them.",
    unit: Short,
    width: 8,
    queries: [
      { expr: mean(METRICS.messageRecipients), legend: "mean" },
      { expr: quantile(0.5, METRICS.messageRecipients), legend: "p50" },
      { expr: quantile(0.95, METRICS.messageRecipients), legend: "p95" },
    ],
  },
  {
    kind: "chart",
    title: "Telemetry errors",
    description:
      "Failures of the metrics themselves, per second. Above zero: something was not counted, and all other panels show too little.",
    unit: CountsPerSecond,
    width: 12,
    queries: [{ expr: rate(METRICS.telemetryErrors, ["client"]), legend: "{{client}}" }],
  },
  {
    kind: "stat",
    title: "Clients by version",
    description: "How many clients, over all instances, run which version of smtp-pipelining.",
    unit: Short,
    width: 12,
    noValue: "no data",
    named: true,
    queries: [{ expr: `count by (version) (${series(METRICS.buildInfo)})`, legend: "{{version}}" }],
  },
];
