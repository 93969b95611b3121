import fc from "fast-check";
import { BoundedPeerMemory, type PeerMemory } from "smtp-pipelining";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  anyServer,
  canReceive,
  canSend,
  faultlessServer,
  honestServer,
  overLmtp,
  runs,
  SOUND,
} from "../support/scripts.ts";
import { isWhole, type SessionMessage, SessionRun, type SessionScript } from "../support/session-run.ts";
import { sessionScripts } from "../support/session-scripts.ts";

// Virtual time: a silent server costs nothing, and what a deadline brings about does not depend on the machine.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});

afterAll(() => {
  vi.useRealTimers();
});

type FollowOn = "unproven" | "proven" | "unfit";

async function expectSound(
  script: SessionScript,
  peers: PeerMemory = new BoundedPeerMemory(),
): Promise<SessionRun> {
  const run = new SessionRun(script, peers);
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
    fc.asyncProperty(sessionScripts(honestServer), async (script) => {
      await expectSound(script);
    }),
    { numRuns: runs(600) },
  );
});

test("whatever a server does, every promise settles and every recipient has one fate", async () => {
  await fc.assert(
    fc.asyncProperty(sessionScripts(anyServer), async (script) => {
      await expectSound(script);
    }),
    { numRuns: runs(600) },
  );
});

test.each([
  ["an honest server", honestServer, 400],
  ["any server", anyServer, 400],
] as const)(
  "LMTP, %s: every recipient has one fate, and what is said of it is true",
  async (_, server, times) => {
    await fc.assert(
      fc.asyncProperty(sessionScripts(overLmtp(server)), async (script) => {
        const { followOns } = await expectSound(script);
        expect(followOns).toBe(0);
      }),
      { numRuns: runs(times) },
    );
  },
);

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
    fc.asyncProperty(sessionScripts(faultlessServer).map(untroubled), async (script) => {
      const { deliveries, transcript } = await expectSound(script);
      for (const [i, each] of script.messages.entries()) {
        expect(isWhole(each, script.lineEndings)).toBe(true);
        const { server } = script;
        const all = each.to.every((kind) => canReceive(kind, server));
        const fit = canSend(each.from, server) && (all || !each.requireAll);
        const statuses = each.to.map((kind) => (fit && canReceive(kind, server) ? "succeeded" : "failed"));
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
    fc.asyncProperty(sessionScripts(honestServer), sessionScripts(honestServer), async (script, second) => {
      const peers = new OpenMemory();
      await expectSound(script, peers);
      const { followOn } = peers;
      const next = await expectSound({ ...second, server: { ...script.server, faults: [] } }, peers);
      if (followOn === "unfit") expect(next.followOns).toBe(0);
    }),
    { numRuns: runs(300) },
  );
});
