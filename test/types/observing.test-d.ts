import type { SmtpSession } from "smtp-pipelining";
import { attachLogger, type Logger } from "smtp-pipelining/logging";
import { attachMetrics, type MetricsOptions } from "smtp-pipelining/metrics";
import type { SmtpPool } from "smtp-pipelining/pool";
import { attachRecorder } from "smtp-pipelining/recorder";
import { attachTracing } from "smtp-pipelining/tracing";
import { expectTypeOf, test } from "vitest";

declare const session: SmtpSession;
declare const pool: SmtpPool;
declare const logger: Logger;
declare const options: MetricsOptions;

test("what observes attaches to a session and to a pool", () => {
  expectTypeOf(attachLogger(session, logger)).toEqualTypeOf(attachLogger(pool, logger));
  expectTypeOf(attachMetrics(session, options)).toEqualTypeOf(attachMetrics(pool, options));
  expectTypeOf(attachTracing(session)).toEqualTypeOf(attachTracing(pool));
  expectTypeOf(attachRecorder(session)).toEqualTypeOf(attachRecorder(pool));
});
