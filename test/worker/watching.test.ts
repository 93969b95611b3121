import { context, propagation, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from "@opentelemetry/api";
import * as prometheus from "prom-client";
import { attachTracing } from "smtp-pipelining/tracing";
import { attachWorkerMetrics } from "smtp-pipelining/worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisSkipped, startRedis, type TestRedis } from "../support/redis.ts";
import { enableContexts, RecordedSpans } from "../support/spans.ts";
import { next, setUp, TEXT } from "./set-up.ts";

let redis: TestRedis;
const MESSAGE = { from: "a@example.org", to: "b@example.net", data: TEXT };

/** W3C Trace Context, as far as it is needed: `00-<trace>-<span>-<flags>`. */
function propagateTraceparent(): void {
  propagation.setGlobalPropagator({
    fields: () => ["traceparent"],
    inject: (active, carrier, setter) => {
      const span = trace.getSpanContext(active);
      if (span === undefined) return;
      setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-0${span.traceFlags}`);
    },
    extract: (active, carrier, getter) => {
      const header = getter.get(carrier, "traceparent");
      const [, traceId = "", spanId = "", flags] = String(header).split("-");
      const remote: SpanContext = { traceId, spanId, traceFlags: Number(flags), isRemote: true };
      return trace.setSpanContext(active, remote);
    },
  });
}

describe.skipIf(redisSkipped)("watching a worker", () => {
  beforeAll(async () => {
    redis = await startRedis("no");
  });
  afterAll(async () => {
    await redis.close();
    context.disable();
    propagation.disable();
  });

  test("spans of messages and groups are in the trace that the producer added them in", async () => {
    enableContexts();
    propagateTraceparent();
    const spans = new RecordedSpans();
    const { producer, worker } = await setUp(redis);
    const one = worker();
    attachTracing(one.pool, { tracerProvider: spans.provider });
    const ended: Promise<unknown>[] = [next(one, "jobEnd")];
    await one.run();
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const caller: SpanContext = { traceId, spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
    await context.with(trace.setSpanContext(ROOT_CONTEXT, caller), () =>
      producer.add({ ...MESSAGE, id: "traced" }),
    );
    await Promise.all(ended);
    ended.push(next(one, "jobEnd"));
    await producer.add({ ...MESSAGE, id: "alone" });
    await Promise.all(ended);
    await one.close();
    const [traced, alone] = spans.named("smtp send");
    expect(traced?.spanContext().traceId).toBe(traceId);
    expect(traced?.parentSpanContext?.spanId).toBe(caller.spanId);
    const groups = spans.ended.filter(
      ({ parentSpanContext }) => parentSpanContext?.spanId === traced?.spanContext().spanId,
    );
    expect(groups.length).toBeGreaterThan(0);
    for (const group of groups) expect(group.spanContext().traceId).toBe(traceId);
    expect(alone?.parentSpanContext).toBeUndefined();
  });

  test("metrics count what became of jobs and recipients, and read the depth of the queue", async () => {
    let busy = 0;
    const { producer, worker } = await setUp(redis, {
      replies: {
        "RCPT TO:<gone@": "550 5.1.1 No such user here",
        "RCPT TO:<busy@": () => (++busy === 1 ? "450 4.2.1 Mailbox busy" : undefined),
      },
    });
    const register = new prometheus.Registry();
    const one = worker({ retries: { delay: 10 } });
    attachWorkerMetrics(one, { prometheus, register, client: "shop" });
    attachWorkerMetrics(worker(), { prometheus, register, client: "shop" });
    await producer.add(MESSAGE, { delay: 3_600_000 });
    const lines = async (): Promise<string[]> => (await register.metrics()).split("\n");
    // Both see the same queue: it is not counted twice.
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'smtp_client_queue_jobs{client="shop",state="delayed"} 1',
        'smtp_client_queue_jobs{client="shop",state="waiting"} 0',
        'smtp_client_jobs_total{client="shop",result="delivered"} 0',
      ]),
    );
    let left = 3;
    const over = new Promise<void>((resolve) => {
      one.on("jobEnd", () => --left === 0 && resolve());
    });
    await one.run();
    await producer.add(MESSAGE);
    await producer.add({ ...MESSAGE, to: "gone@example.net" });
    await producer.add({ ...MESSAGE, to: ["busy@example.net", "gone@example.net"] });
    await over;
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'smtp_client_jobs_total{client="shop",result="delivered"} 1',
        'smtp_client_jobs_total{client="shop",result="partial"} 1',
        'smtp_client_jobs_total{client="shop",result="rejected"} 1',
        'smtp_client_jobs_total{client="shop",result="expired"} 0',
        'smtp_client_job_deferrals_total{client="shop"} 1',
        'smtp_client_job_recipients_total{client="shop",result="succeeded"} 2',
        'smtp_client_job_recipients_total{client="shop",result="failed"} 2',
        'smtp_client_job_recipient_deferrals_total{client="shop"} 1',
        'smtp_client_job_age_seconds_count{client="shop",result="delivered"} 1',
        'smtp_client_job_tries_bucket{le="1",client="shop"} 2',
        'smtp_client_job_tries_bucket{le="2",client="shop"} 3',
      ]),
    );
  });

  test("a depth that can't be read is no number, and the scrape goes on", async () => {
    const register = new prometheus.Registry();
    const target = {
      on: () => undefined,
      off: () => undefined,
      depth: () => Promise.reject(new Error("no Redis")),
    };
    attachWorkerMetrics(target, { prometheus, register });
    expect((await register.metrics()).split("\n")).toContain(
      'smtp_client_queue_jobs{client="default",state="waiting"} Nan',
    );
  });

  test("a listener that throws disturbs nothing, and is told of", async () => {
    const { producer, worker } = await setUp(redis);
    const one = worker();
    one.on("recipient", () => {
      throw new Error("the listener's");
    });
    const failed = next(one, "error");
    const ended = next(one, "jobEnd");
    await one.run();
    await producer.add(MESSAGE);
    expect(await ended).toMatchObject({ result: "delivered" });
    expect((await failed).error.message).toBe("the listener's");
  });
});
