import type { SmtpSession } from "smtp-pipelining";
import type { ObservationTarget } from "smtp-pipelining/metrics";
import type { SmtpPool } from "smtp-pipelining/pool";
import { expectTypeOf, test } from "vitest";

test("what watches attaches to a session and to a pool", () => {
  expectTypeOf<SmtpSession>().toExtend<ObservationTarget>();
  expectTypeOf<SmtpPool>().toExtend<ObservationTarget>();
});
