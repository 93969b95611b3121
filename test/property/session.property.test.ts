import fc from "fast-check";
import { BoundedPeerMemory, type PeerMemory } from "smtp-pipelining";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  anyServer,
  cut,
  faultlessServer,
  honestServer,
  rarely,
  recipientKinds,
  runs,
  SOUND,
  segments,
  senderKind,
  text,
} from "../support/scripts.ts";
import {
  isWhole,
  type Meddling,
  type SessionMessage,
  SessionRun,
  type SessionScript,
} from "../support/session-run.ts";

// Virtual time: a silent server costs nothing, and what a deadline brings about does not depend on the machine.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});

afterAll(() => {
  vi.useRealTimers();
});

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

function scripts(server: fc.Arbitrary<SessionScript["server"]>): fc.Arbitrary<SessionScript> {
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

type FollowOn = "unproven" | "proven" | "unfit";

async function expectSound(
  script: SessionScript,
  peers: PeerMemory = new BoundedPeerMemory(),
  followOn?: FollowOn,
): Promise<SessionRun> {
  const run = new SessionRun(script, peers, followOn);
  const problems = await run.run();
  expect(problems, run.transcript).toEqual([]);
  return run;
}

const MESSAGE: SessionMessage = {
  from: "own",
  to: ["good"],
  text: "\n",
  times: 1,
  form: "string",
  pieces: 1,
  fault: undefined,
  size: "undeclared",
  body: undefined,
  requireAll: false,
  queuedAt: 0,
  abortedAt: undefined,
};

const PLAIN: SessionScript = {
  pipelining: "auto",
  lineEndings: "normalize",
  server: SOUND,
  connects: true,
  messages: [MESSAGE, MESSAGE],
  commands: [],
  meddling: undefined,
  quitAt: undefined,
  destroyedAt: undefined,
  segments: [],
  cut: undefined,
  deafBehind: undefined,
};

/** Counterexamples of old, and what is too rare to be met by chance. */
const EXAMPLES: readonly { readonly name: string; readonly script: SessionScript }[] = [
  {
    name: "a message queued by a listener of close has its promise, and no event",
    script: { ...PLAIN, meddling: { on: "close", nth: 0, does: "pipeline" } },
  },
  {
    name: "quit() by a listener of the first messageQueued: the message is settled before the end",
    script: { ...PLAIN, messages: [MESSAGE], meddling: { on: "messageQueued", nth: 0, does: "quit" } },
  },
  {
    name: "destroy() by a listener of the first messageQueued: its recipients are told of",
    script: { ...PLAIN, messages: [MESSAGE], meddling: { on: "messageQueued", nth: 0, does: "destroy" } },
  },
  {
    name: "a text that fills the write to the brim: the follow-on leaves with its dot, or not at all",
    script: { ...PLAIN, messages: [{ ...MESSAGE, times: 65_536 }, MESSAGE] },
  },
];

test.each(EXAMPLES)("$name", async ({ script }) => {
  await expectSound(script);
});

test("whatever an honest server does, what a session says of every recipient is true", async () => {
  await fc.assert(
    fc.asyncProperty(scripts(honestServer), async (script) => {
      await expectSound(script);
    }),
    { numRuns: runs(600) },
  );
});

test("whatever a server does, every promise settles and every recipient has one fate", async () => {
  await fc.assert(
    fc.asyncProperty(scripts(anyServer), async (script) => {
      await expectSound(script);
    }),
    { numRuns: runs(600) },
  );
});

/** A script in which nothing goes wrong but by what the server thinks of PIPELINING. */
function untroubled(script: SessionScript): SessionScript {
  const messages = script.messages.map(
    (each): SessionMessage => ({
      ...each,
      fault: undefined,
      size: "right",
      body: undefined,
      abortedAt: undefined,
    }),
  );
  const trouble = {
    meddling: undefined,
    quitAt: undefined,
    destroyedAt: undefined,
    cut: undefined,
    deafBehind: undefined,
    segments: [],
    connects: true,
  };
  return { ...script, ...trouble, lineEndings: "normalize", messages };
}

test("a server without faults gets every message that is fit to be sent", async () => {
  await fc.assert(
    fc.asyncProperty(scripts(faultlessServer).map(untroubled), async (script) => {
      const { deliveries, transcript } = await expectSound(script);
      for (const [i, each] of script.messages.entries()) {
        expect(isWhole(each, script.lineEndings)).toBe(true);
        const unfit = each.to.some((kind) => kind === "bad" || kind === "utf8");
        const fit = each.from !== "bad" && !(each.requireAll && unfit);
        const statuses = each.to.map((kind) =>
          fit && (kind === "good" || kind === "again") ? "succeeded" : "failed",
        );
        expect(
          deliveries[i]?.recipients.map(({ status }) => status),
          `m${i}\n${transcript}`,
        ).toEqual(statuses);
      }
    }),
    { numRuns: runs(300) },
  );
});

/** A memory that shows what was learnt last. */
class OpenMemory extends BoundedPeerMemory {
  followOn: FollowOn = "unproven";

  override set(key: string, facts: Parameters<PeerMemory["set"]>[1]): void {
    this.followOn = facts.followOn;
    super.set(key, facts);
  }
}

test("of two sessions that share a memory the second heeds what the first has learnt", async () => {
  await fc.assert(
    fc.asyncProperty(scripts(honestServer), scripts(honestServer), async (script, second) => {
      const peers = new OpenMemory();
      await expectSound(script, peers);
      const { followOn } = peers;
      const next = await expectSound(
        { ...second, server: { ...script.server, faults: [] } },
        peers,
        followOn,
      );
      if (followOn === "unfit") expect(next.followOns).toBe(0);
    }),
    { numRuns: runs(300) },
  );
});
