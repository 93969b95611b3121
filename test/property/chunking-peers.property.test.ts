import fc from "fast-check";
import { BoundedPeerMemory, type PeerMemory } from "smtp-pipelining";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Chunking } from "../support/chunking-option.ts";
import { type ChunkingScript, SOUND_CHUNKING } from "../support/model-chunks.ts";
import type { Fault, ServerScript } from "../support/model-server.ts";
import { addressOf, rarely, runs, SOUND, senderOf, text } from "../support/scripts.ts";
import { type SessionMessage, SessionRun, type SessionScript } from "../support/session-run.ts";

// Sessions one after the other that share what was learnt of a server, which lies in any way the model knows, or is
// exchanged for another one in between. Does a text run as commands, or go to somebody else, or under another sender?

beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});

afterAll(() => {
  vi.useRealTimers();
});

const MESSAGE: SessionMessage = {
  from: "own",
  to: ["good"],
  text: "Subject: x\r\n",
  times: 1,
  form: "string",
  pieces: 2,
  fault: undefined,
  size: "undeclared",
  body: undefined,
  requireAll: false,
  queuedAt: 0,
  abortedAt: undefined,
};

const SCRIPT: SessionScript = {
  pipelining: "auto",
  chunking: "auto",
  lineEndings: "normalize",
  server: { ...SOUND, chunking: SOUND_CHUNKING },
  connects: true,
  messages: Array.from({ length: 4 }, () => MESSAGE),
  commands: [],
  meddling: undefined,
  quitAt: undefined,
  destroyedAt: undefined,
  segments: [],
  cut: undefined,
  deafBehind: undefined,
};

const messages: fc.Arbitrary<SessionMessage[]> = fc.array(
  fc
    .record({
      to: fc.constantFrom<SessionMessage["to"][]>(["good"], ["good", "good"]),
      text,
      form: fc.constantFrom<SessionMessage["form"][]>("string", "string", "string", "stream"),
      requireAll: seldom(6),
      queuedAt: fc.constantFrom(0, 0, 0, 5, 30),
    })
    .map((drawn) => ({ ...MESSAGE, ...drawn })),
  { minLength: 3, maxLength: 8 },
);

const refusal: fc.Arbitrary<Fault> = fc.record({
  on: fc.constantFrom<Fault["on"][]>("RCPT", "RCPT", "RCPT", "MAIL", "text", "RSET"),
  nth: fc.nat({ max: 12 }),
  says: fc.constantFrom(550, 452, 421),
  after: fc.constant<Fault["after"]>("goOn"),
});

/** Each lie for itself, in one of four. */
const liar: fc.Arbitrary<ServerScript> = fc
  .record({
    chunking: fc.record({
      leaksUnreceivable: seldom(4),
      leaksTooLarge: seldom(4),
      answersTwice: seldom(4),
      readsOnBehindReset: seldom(4),
      alike: seldom(4),
      holds: rarely(4, fc.integer({ min: 1, max: 8 })),
      mostInVain: rarely(4, fc.integer({ min: 1, max: 12 })),
      behindLast: fc.constantFrom<ChunkingScript["behindLast"][]>("sound", "sound", "refuses", "swallows"),
    }),
    keeps: fc.constantFrom<ServerScript["keeps"][]>("nothing", "nothing", "refused", "everything"),
    size: rarely(5, fc.constant(20)),
    faults: fc.uniqueArray(refusal, { maxLength: 8, selector: ({ on, nth }) => `${on} ${nth}` }),
  })
  .map((drawn) => ({ ...SOUND, ...drawn }))
  // What it keeps open and then does not clear goes to its recipients: nothing that was written can be taken back.
  .filter(({ keeps, faults }) => keeps === "nothing" || faults.every(({ on }) => on !== "RSET"));

function seldom(oneOf: number): fc.Arbitrary<boolean> {
  return rarely(oneOf, fc.constant(true)).map((drawn) => drawn === true);
}

/** What the server has of the client's that it should not have: by its own account, whatever it said. */
function strays({ server }: SessionRun, script: SessionScript): string[] {
  // The text of the probe is there to be run.
  const leaked = server.leaked.filter((line) => !"XPRB".endsWith(line)).map((line) => `ran ${line}`);
  const astray = server.accepted.flatMap(({ sender, recipients }) => {
    const own = script.messages.some((message, i) => {
      const addresses = message.to.map((kind, r) => addressOf(i, r, kind));
      return sender === senderOf(i, message.from) && recipients.every((each) => addresses.includes(each));
    });
    return own ? [] : [`took a text from <${sender}> to ${recipients.join(" ")}`];
  });
  return [...leaked, ...astray];
}

async function sessionWith(script: SessionScript, peers: PeerMemory): Promise<SessionRun> {
  const run = new SessionRun(script, peers);
  await run.run();
  return run;
}

async function expectNothingAstray(script: SessionScript, peers: PeerMemory): Promise<SessionRun> {
  const run = new SessionRun(script, peers);
  const problems = await run.run();
  expect([...problems, ...strays(run, script)], run.transcript).toEqual([]);
  return run;
}

/** A memory in which the server is proven. */
async function provenBy(server: ServerScript): Promise<PeerMemory> {
  const peers = new BoundedPeerMemory();
  const { bursts } = await expectNothingAstray({ ...SCRIPT, server }, peers);
  expect(bursts).toBeGreaterThan(0);
  return peers;
}

test.each<Chunking>(["auto", "strict"])(
  '"%s", the same server twice: however it lies, nothing goes astray',
  async (chunking) => {
    let bursts = 0;
    await fc.assert(
      fc.asyncProperty(liar, messages, messages, async (server, first, second) => {
        const peers = new BoundedPeerMemory();
        await expectNothingAstray({ ...SCRIPT, chunking, server, messages: first }, peers);
        const run = await expectNothingAstray({ ...SCRIPT, chunking, server, messages: second }, peers);
        bursts += run.bursts;
      }),
      { numRuns: runs(600) },
    );
    expect(bursts > 0).toBe(chunking === "auto");
  },
);

test("a proven server exchanged for one that says something else to EHLO: it is asked again", async () => {
  await fc.assert(
    fc.asyncProperty(liar, messages, async (server, second) => {
      const peers = await provenBy({ ...SOUND, utf8: true, chunking: SOUND_CHUNKING });
      await expectNothingAstray({ ...SCRIPT, server, messages: second }, peers);
    }),
    { numRuns: runs(600) },
  );
});

test('a proven server exchanged for a liar that says the same to EHLO, "strict": nothing goes astray', async () => {
  await fc.assert(
    fc.asyncProperty(liar, messages, async (server, second) => {
      const peers = await provenBy({ ...SOUND, size: server.size, chunking: SOUND_CHUNKING });
      await expectNothingAstray({ ...SCRIPT, chunking: "strict", server, messages: second }, peers);
    }),
    { numRuns: runs(400) },
  );
});

/** Of the lies those that the first burst to a proven peer can't bear, since it is not asked again. */
function betrays({ chunking, keeps }: ServerScript): boolean {
  return chunking?.leaksUnreceivable === true || (chunking?.behindLast !== "sound" && keeps !== "nothing");
}

test("a proven server exchanged for a liar that says the same to EHLO: astray by two lies alone, until it shows", async () => {
  await fc.assert(
    fc.asyncProperty(liar, messages, async (server, second) => {
      const peers = await provenBy({ ...SOUND, size: server.size, chunking: SOUND_CHUNKING });
      const script = { ...SCRIPT, server, messages: second };
      const run = await sessionWith(script, peers);
      const astray = strays(run, script);
      if (!betrays(server)) expect(astray, run.transcript).toEqual([]);
      // Nothing is said to be accepted that was not. The limit: one that swallows what stands behind LAST, and answers
      // MAIL and RCPT in the very words of RSET, answers a later message in place of one that it never saw.
      const swallows = server.chunking?.behindLast === "swallows";
      const taken = new Set(run.server.accepted.flatMap(({ recipients }) => recipients));
      const succeeded = run.deliveries.flatMap((delivery) => delivery?.succeeded ?? []);
      for (const { address } of swallows ? [] : succeeded) expect(taken, run.transcript).toContain(address);
      // The limit: it is learnt when the replies don't fit. A 421 in between ends the session without that.
      if (astray.length === 0 || !run.transcript.includes("ESMTP_CHUNKING_UNFIT")) return;
      const next = await sessionWith(script, peers);
      expect([next.bursts, ...strays(next, script)], next.transcript).toEqual([0]);
    }),
    { numRuns: runs(600) },
  );
});

/** A message in a text, which a leaking server takes, with the next text of the burst in it. */
const EVIL = "RSET\r\nMAIL FROM:<e@x>\r\nRCPT TO:<e@x>\r\nDATA\r\n";

test("the limit: a proven server that turns into a leaking one runs a text of the first burst, and none after", async () => {
  const peers = await provenBy({ ...SOUND, chunking: SOUND_CHUNKING });
  const leaks = { ...SOUND_CHUNKING, leaksUnreceivable: true };
  const faults: Fault[] = [{ on: "RCPT", nth: 0, says: 550, after: "goOn" }];
  const script = {
    ...SCRIPT,
    messages: SCRIPT.messages.map((each) => ({ ...each, text: EVIL })),
    server: { ...SOUND, chunking: leaks, faults },
  };
  const run = await sessionWith(script, peers);
  expect(run.server.leaked, run.transcript).toEqual(EVIL.trimEnd().split("\r\n"));
  expect(run.deliveries.flatMap((delivery) => delivery?.succeeded ?? [])).toEqual([]);
  const next = await expectNothingAstray(script, peers);
  expect(next.server.commands.filter((line) => line.startsWith("BDAT"))).toEqual([]);
});
