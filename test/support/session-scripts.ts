import fc from "fast-check";
import { cut, rarely, recipientKinds, segments, senderKind, text } from "./scripts.ts";
import type { Meddling, SessionMessage, SessionScript } from "./session-run.ts";

const often = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

const message: fc.Arbitrary<SessionMessage> = fc.record({
  from: senderKind,
  to: recipientKinds,
  text: fc.oneof(
    { weight: 5, arbitrary: text },
    { weight: 1, arbitrary: text.map((each) => `${each}\u{1f600}.`) },
  ),
  times: fc.oneof(
    { weight: 20, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.constantFrom(100, 3_000) },
  ),
  form: fc.constantFrom<SessionMessage["form"][]>(
    "string",
    "bytes",
    "stream",
    "iterable",
    "function",
    "late function",
  ),
  pieces: fc.integer({ min: 1, max: 5 }),
  fault: rarely(
    8,
    fc.record({
      kind: fc.constantFrom<("throws" | "hangs")[]>("throws", "hangs"),
      behind: fc.nat({ max: 4 }),
    }),
  ),
  size: often<SessionMessage["size"]>("undeclared", "right", "right", "wrong"),
  body: often<SessionMessage["body"]>(undefined, "7BIT", "8BITMIME"),
  requireAll: often(false, true),
  queuedAt: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 40 }) }),
  abortedAt: rarely(11, fc.nat({ max: 40 })),
});

const meddling: fc.Arbitrary<Meddling> = fc.record({
  on: fc.constantFrom<Meddling["on"][]>(
    "ready",
    "messageQueued",
    "messageStart",
    "sent",
    "reply",
    "recipientFailed",
    "messageEnd",
    "groupEnd",
    "close",
  ),
  nth: fc.nat({ max: 4 }),
  does: fc.constantFrom<Meddling["does"][]>(
    "throw",
    "reject",
    "destroy",
    "quit",
    "pipeline",
    "noop",
    "abort",
  ),
});

/** A whole session: its options, its server, what is sent, and what is done to it when. */
export function sessionScripts(server: fc.Arbitrary<SessionScript["server"]>): fc.Arbitrary<SessionScript> {
  return fc.record({
    pipelining: often<SessionScript["pipelining"]>("auto", "transaction", "off"),
    lineEndings: often<SessionScript["lineEndings"]>("normalize", "reject"),
    server,
    connects: fc.oneof(
      { weight: 30, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
    messages: fc.array(message, { minLength: 1, maxLength: 6 }),
    commands: fc.array(
      fc.record({
        call: fc.constantFrom<SessionScript["commands"][number]["call"][]>(
          "noop",
          "reset",
          "help",
          "flush",
          "ready",
        ),
        at: fc.nat({ max: 40 }),
      }),
      { maxLength: 3 },
    ),
    meddling: rarely(3, meddling),
    quitAt: rarely(7, fc.nat({ max: 40 })),
    destroyedAt: rarely(12, fc.nat({ max: 60 })),
    segments,
    cut,
    deafBehind: rarely(12, fc.nat({ max: 5_000 })),
  });
}
