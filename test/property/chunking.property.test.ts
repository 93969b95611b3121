import fc from "fast-check";
import { BoundedPeerMemory } from "smtp-pipelining";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Chunking } from "../support/chunking-option.ts";
import { SOUND_CHUNKING } from "../support/model-chunks.ts";
import type { Fault } from "../support/model-server.ts";
import { anyServer, honestServer, overChunks, overLmtp, runs, SOUND } from "../support/scripts.ts";
import { type SessionMessage, SessionRun, type SessionScript } from "../support/session-run.ts";
import { sessionScripts } from "../support/session-scripts.ts";

beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});

afterAll(() => {
  vi.useRealTimers();
});

async function expectSound(script: SessionScript): Promise<SessionRun> {
  const run = new SessionRun(script, new BoundedPeerMemory());
  const problems = await run.run();
  expect(problems, run.transcript).toEqual([]);
  return run;
}

/** Scripts with messages enough for bursts. */
function busy(server: Parameters<typeof sessionScripts>[0]): fc.Arbitrary<SessionScript> {
  return fc
    .record({
      script: sessionScripts(server),
      times: fc.constantFrom(1, 3, 6),
      mode: fc.constantFrom<Chunking[]>("auto", "auto", "auto", "strict", "off"),
    })
    .map(({ script, times, mode }) => ({
      ...script,
      chunking: mode,
      messages: Array.from({ length: times }, () => script.messages).flat(),
    }));
}

const MESSAGE: SessionMessage = {
  from: "own",
  to: ["good"],
  text: ".\r\nSubject: x\r\n",
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

const BUSY: SessionScript = {
  pipelining: "auto",
  chunking: "auto",
  lineEndings: "normalize",
  server: { ...SOUND, chunking: SOUND_CHUNKING },
  connects: true,
  messages: Array.from({ length: 40 }, () => MESSAGE),
  commands: [],
  meddling: undefined,
  quitAt: undefined,
  destroyedAt: undefined,
  segments: [],
  cut: undefined,
  deafBehind: undefined,
};

function statuses(run: SessionRun): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const delivery of run.deliveries) {
    for (const { status } of delivery?.recipients ?? []) counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

test("a sound server gets bursts, and everything", async () => {
  const run = await expectSound(BUSY);
  expect(run.bursts).toBeGreaterThan(0);
  expect(statuses(run)).toEqual({ succeeded: 40 });
});

test("strict: the same, and no burst", async () => {
  const run = await expectSound({ ...BUSY, chunking: "strict" });
  expect([run.bursts, statuses(run)]).toEqual([0, { succeeded: 40 }]);
});

test("a server that says the same to LAST and to RSET gets everything, and no burst", async () => {
  const run = await expectSound({
    ...BUSY,
    server: { ...SOUND, chunking: { ...SOUND_CHUNKING, alike: true } },
  });
  expect([run.bursts, statuses(run)]).toEqual([0, { succeeded: 40 }]);
});

test("a server that holds its replies back until 8 texts have come gets everything", async () => {
  const chunking = { ...SOUND_CHUNKING, holds: 8 };
  const run = await expectSound({ ...BUSY, server: { ...SOUND, chunking } });
  expect(statuses(run)).toEqual({ succeeded: 40 });
});

test("recipients refused in bursts cost only themselves, whatever the server keeps open", async () => {
  const faults = Array.from(
    { length: 10 },
    (_, i): Fault => ({ on: "RCPT", nth: 4 + 3 * i, says: 550, after: "goOn" }),
  );
  for (const keeps of ["nothing", "refused", "everything"] as const) {
    const run = await expectSound({ ...BUSY, server: { ...SOUND, chunking: SOUND_CHUNKING, keeps, faults } });
    expect(statuses(run)).toEqual({ succeeded: 30, failed: 10 });
    expect(run.bursts).toBeGreaterThan(0);
  }
});

test("a 421 to one RCPT of a burst that goes on costs that recipient alone", async () => {
  const faults: Fault[] = [{ on: "RCPT", nth: 9, says: 421, after: "goOn" }];
  const run = await expectSound({ ...BUSY, server: { ...SOUND, chunking: SOUND_CHUNKING, faults } });
  expect(statuses(run)).toEqual({ succeeded: 39, failed: 1 });
});

test("a 421 to MAIL with which the server hangs up leaves no fate unknown", async () => {
  const faults: Fault[] = [{ on: "MAIL", nth: 12, says: 421, after: "hangUp" }];
  const run = await expectSound({ ...BUSY, server: { ...SOUND, chunking: SOUND_CHUNKING, faults } });
  expect(statuses(run)).toEqual({ succeeded: 11, failed: 29 });
});

test("a server that hangs up behind a dozen transactions in vain leaves no fate unknown", async () => {
  const faults = Array.from({ length: 40 }, (_, i): Fault => {
    return { on: "RCPT", nth: i + 1, says: 550, after: "goOn" };
  });
  const chunking = { ...SOUND_CHUNKING, mostInVain: 12 };
  const run = await expectSound({ ...BUSY, server: { ...SOUND, chunking, faults } });
  expect(statuses(run)).toEqual({ succeeded: 1, failed: 39 });
});

test("a server that leaks is never given a text that it may run", async () => {
  const faults = Array.from({ length: 40 }, (_, i): Fault => {
    return { on: "RCPT", nth: 2 * i, says: 550, after: "goOn" };
  });
  const chunking = { ...SOUND_CHUNKING, leaksUnreceivable: true };
  const messages = BUSY.messages.map((each) => ({
    ...each,
    text: "RSET\r\nMAIL FROM:<evil@example.net>\r\n",
  }));
  for (const mode of ["auto", "strict"] as const) {
    const run = await expectSound({
      ...BUSY,
      chunking: mode,
      messages,
      server: { ...SOUND, chunking, faults },
    });
    expect(run.bursts).toBe(0);
    if (mode === "strict") expect(statuses(run)).toEqual({ succeeded: 20, failed: 20 });
    else expect(statuses(run)).not.toHaveProperty("unknown");
  }
});

test.each([
  ["an honest server", overChunks(honestServer, "honest"), 400],
  ["any server", overChunks(anyServer, "any"), 300],
] as const)("%s with CHUNKING: one fate for every recipient, and a true one", async (_, server, times) => {
  await fc.assert(
    fc.asyncProperty(busy(server), async (script) => {
      const { bursts } = await expectSound(script);
      if (script.chunking !== "auto" || script.server.chunking === undefined) expect(bursts).toBe(0);
    }),
    { numRuns: runs(times) },
  );
});

test.each([
  ["an honest server", overChunks(honestServer, "honest"), 150],
  ["any server", overChunks(anyServer, "any"), 150],
] as const)("LMTP, %s with CHUNKING: the same, and nothing behind a BDAT", async (_, server, times) => {
  await fc.assert(
    fc.asyncProperty(busy(overLmtp(server)), async (script) => {
      const { bursts, followOns } = await expectSound(script);
      expect([bursts, followOns]).toEqual([0, 0]);
    }),
    { numRuns: runs(times) },
  );
});
