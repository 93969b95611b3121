import { context } from "@opentelemetry/api";
import fc from "fast-check";
import * as prometheus from "prom-client";
import { BoundedPeerMemory, type Delivery } from "smtp-pipelining";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachTracing } from "smtp-pipelining/tracing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { anyServer, overLmtp, runs } from "../support/scripts.ts";
import { SessionRun } from "../support/session-run.ts";
import { sessionScripts } from "../support/session-scripts.ts";
import { enableContexts, RecordedSpans } from "../support/spans.ts";

// The random conversations of the session's own properties, watched.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  enableContexts();
});

afterAll(() => {
  vi.useRealTimers();
  context.disable();
});

/** What counts as what, told again from the fate of each recipient alone. */
function outcomes(deliveries: readonly Delivery[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const each of deliveries.flatMap(({ recipients }) => recipients)) {
    const failed = each.status === "failed" && (each.retryable ? "deferred" : "rejected");
    const result = each.stage === "aborted" ? "aborted" : failed || each.status;
    const key = `${result} ${each.stage}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** The samples of a counter that are not zero, by the values of their labels but for the client's. */
async function counted(register: prometheus.Registry, name: string): Promise<Record<string, number>> {
  const metric = await register.getSingleMetric(`smtp_client_${name}`)?.get();
  const samples = (metric?.values ?? []).filter(({ value }) => value !== 0);
  return Object.fromEntries(
    samples.map(({ labels, value }) => [
      Object.entries(labels)
        .filter(([label]) => label !== "client")
        .map(([, each]) => each)
        .join(" "),
      value,
    ]),
  );
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

test("whatever happens, spans end once, counts are those of the deliveries, and neither tells addresses or texts", async () => {
  await fc.assert(
    fc.asyncProperty(sessionScripts(fc.oneof(anyServer, overLmtp(anyServer))), async (script) => {
      const run = new SessionRun(script, new BoundedPeerMemory());
      const { session } = run;
      const spans = new RecordedSpans();
      const register = new prometheus.Registry();
      attachMetrics(session, { prometheus, register });
      attachTracing(session, { tracerProvider: spans.provider });
      const deliveries: Delivery[] = [];
      const groups: number[] = [];
      let queued = 0;
      session.on("messageQueued", () => {
        queued++;
      });
      session.on("messageEnd", ({ delivery }) => deliveries.push(delivery));
      session.on("groupEnd", ({ group }) => groups.push(group.id));
      expect(await run.run(), run.transcript).toEqual([]);

      // Spans.
      expect(spans.complaints).toEqual([]);
      const ids = spans.ended.map((span) => span.spanContext().spanId);
      expect(new Set(ids).size, "spans end once").toBe(ids.length);
      expect(ids.length, "every span ends").toBe(spans.started.length);
      const sends = spans.named("smtp send");
      expect(sends.length).toBe(queued);
      const own = spans.ended.flatMap(({ attributes }) => attributes["smtp.group.id"] ?? []);
      expect(own.toSorted()).toEqual(groups.toSorted());
      const attribute = (name: string): number =>
        sends.reduce((total, { attributes }) => total + Number(attributes[`smtp.recipients.${name}`]), 0);
      for (const status of ["succeeded", "failed", "unknown"] as const) {
        expect(attribute(status)).toBe(deliveries.reduce((total, each) => total + each[status].length, 0));
      }

      // Metrics.
      expect(await counted(register, "telemetry_errors_total")).toEqual({});
      expect(await counted(register, "recipients_total")).toEqual(outcomes(deliveries));
      expect(sum(await counted(register, "messages_total"))).toBe(deliveries.length);
      expect(sum(await counted(register, "groups_total"))).toBe(groups.length);
      for (const gauge of ["messages_pending", "replies_outstanding", "sessions"]) {
        expect(await counted(register, gauge), gauge).toEqual({});
      }

      // Neither tells what is private.
      const told =
        JSON.stringify(
          spans.ended.map(({ name, attributes, events, links, status }) => [
            name,
            attributes,
            events,
            links,
            status,
          ]),
        ) + (await register.metrics());
      expect(told).not.toContain("@");
      expect(told, "the text of the model server's replies").not.toContain("model");
    }),
    { numRuns: runs(300) },
  );
});
