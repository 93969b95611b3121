import fc from "fast-check";
import { expect, test } from "vitest";
import type { ChunkingMode } from "../../src/pipeline/chunking.ts";
import { UNKNOWN_PEER } from "../../src/pipeline/peer.ts";
import { Conversation, type ConversationScript, type MessageScript } from "../support/conversation.ts";
import { SOUND_CHUNKING } from "../support/model-chunks.ts";
import type { ServerScript } from "../support/model-server.ts";
import {
  anyServer,
  canReceive,
  canSend,
  cut,
  faultlessServer,
  honestServer,
  overChunks,
  overLmtp,
  rarely,
  recipientKinds,
  runs,
  SOUND,
  segments,
  senderKind,
  text,
} from "../support/scripts.ts";

const message: fc.Arbitrary<MessageScript> = fc.record({
  from: senderKind,
  to: recipientKinds,
  text,
  blocks: fc.oneof(
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 4 }) },
  ),
  opening: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
  ),
  failsAfter: rarely(12, fc.nat({ max: 3 })),
  requireAll: fc.oneof(
    { weight: 4, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  queuedAt: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 25 }) }),
  abortedAt: rarely(9, fc.nat({ max: 25 })),
});

function conversations(
  server: ConversationScript["server"] | fc.Arbitrary<ConversationScript["server"]>,
): fc.Arbitrary<ConversationScript> {
  return fc.record({
    pipelining: fc.oneof(
      { weight: 5, arbitrary: fc.constant<ConversationScript["pipelining"]>("auto") },
      { weight: 1, arbitrary: fc.constantFrom<ConversationScript["pipelining"][]>("transaction", "off") },
    ),
    chunking: fc.constantFrom<ChunkingMode[]>("auto", "auto", "strict", "off"),
    server: server instanceof fc.Arbitrary ? server : fc.constant(server),
    messages: fc.array(message, { minLength: 1, maxLength: 6 }),
    commands: fc.array(
      fc.record({
        line: fc.constantFrom<("NOOP" | "RSET" | "HELP")[]>("NOOP", "RSET", "HELP"),
        at: fc.nat({ max: 25 }),
      }),
      { maxLength: 2 },
    ),
    groupCommands: fc.constantFrom(1_000, 1_000, 1, 3),
    quitAt: rarely(7, fc.nat({ max: 25 })),
    destroyedAt: rarely(12, fc.nat({ max: 40 })),
    segments,
    cut,
  });
}

const MESSAGE: MessageScript = {
  from: "own",
  to: ["good"],
  text: "",
  blocks: 1,
  opening: 0,
  failsAfter: undefined,
  requireAll: false,
  queuedAt: 0,
  abortedAt: undefined,
};

const PLAIN: ConversationScript = {
  pipelining: "auto",
  server: SOUND,
  messages: [MESSAGE, MESSAGE],
  commands: [],
  groupCommands: 1_000,
  quitAt: undefined,
  destroyedAt: undefined,
  segments: [],
  cut: undefined,
};

/** Counterexamples of old, and what is too rare to be met by chance. */
const EXAMPLES: readonly { readonly name: string; readonly script: ConversationScript }[] = [
  {
    name: "an aborted message whose RCPT was accepted behind a refused MAIL: RSET leads the next",
    script: {
      ...PLAIN,
      server: {
        ...SOUND,
        garbled: true,
        faults: [{ on: "MAIL", nth: 0, says: 550, after: "goOn", delay: 10, again: 250 }],
      },
      messages: [{ ...MESSAGE, to: ["good", "good", "good"], requireAll: true, abortedAt: 3 }, MESSAGE],
    },
  },
  {
    name: "the reply to a LAST of a burst is lost: nothing is written behind the one that is taken for it",
    script: {
      ...PLAIN,
      chunking: "auto",
      server: {
        ...SOUND,
        eightBit: false,
        chunking: SOUND_CHUNKING,
        faults: [{ on: "text", nth: 2, says: "", after: "goOn" }],
      },
      messages: [MESSAGE, { ...MESSAGE, queuedAt: 1, opening: 1 }, MESSAGE, { ...MESSAGE, text: "\u00e9" }],
    },
  },
  {
    name: "a message behind an ordinary RSET is no follow-on, and waits",
    script: {
      ...PLAIN,
      server: { ...SOUND, faults: [{ on: "RSET", nth: 2, after: "goOn", delay: 130_000 }] },
      messages: [{ ...MESSAGE, queuedAt: 1 }, MESSAGE, { ...MESSAGE, blocks: 2 }],
      commands: [{ line: "RSET", at: 0 }],
    },
  },
  {
    name: "a marker in place of the reply to DATA: nothing goes out again",
    script: {
      ...PLAIN,
      server: {
        ...SOUND,
        faults: [
          { on: "RSET", nth: 0, after: "goOn", delay: 2_100 },
          { on: "MAIL", nth: 1, says: "", after: "goOn", takes: true },
          { on: "RCPT", nth: 1, says: 550, after: "goOn" },
        ],
      },
    },
  },
  {
    name: "a transaction that is kept, its MAIL 503 and its RCPT accepted: not even a dot",
    script: {
      ...PLAIN,
      pipelining: "transaction",
      server: { ...SOUND, keeps: "refused", faults: [{ on: "text", nth: 0, says: 550, after: "goOn" }] },
    },
  },
];

/** The servers, half of which offer CHUNKING. */
const honest: fc.Arbitrary<ServerScript> = fc.oneof(honestServer, overChunks(honestServer, "honest"));
const any: fc.Arbitrary<ServerScript> = fc.oneof(anyServer, overChunks(anyServer, "any"));

function expectSound(script: ConversationScript, facts = UNKNOWN_PEER): Conversation {
  const conversation = new Conversation(script, facts);
  const problems = conversation.run();
  expect(problems, conversation.transcript).toEqual([]);
  return conversation;
}

test.each(EXAMPLES)("$name", ({ script }) => {
  expectSound(script);
});

test("whatever an honest server does, what the client says of every recipient is true", () => {
  let bursts = 0;
  fc.assert(
    fc.property(conversations(honest), (script) => {
      bursts += expectSound(script).bursts;
    }),
    { numRuns: runs(8_000) },
  );
  expect(bursts).toBeGreaterThan(0);
});

test("whatever a server does, every recipient has one fate and nothing is pending for ever", () => {
  fc.assert(
    fc.property(conversations(any), (script) => {
      expectSound(script);
    }),
    { numRuns: runs(8_000) },
  );
});

test("LMTP: whatever an honest server does, what the client says of every recipient is true", () => {
  fc.assert(
    fc.property(conversations(overLmtp(honest)), (script) => {
      const { followOns } = expectSound(script);
      expect(followOns).toBe(0);
    }),
    { numRuns: runs(6_000) },
  );
});

test("LMTP: whatever a server does, every recipient has one fate and nothing is pending for ever", () => {
  fc.assert(
    fc.property(conversations(overLmtp(any)), (script) => {
      expectSound(script);
    }),
    { numRuns: runs(6_000) },
  );
});

/** A script in which nothing goes wrong but by what the server thinks of PIPELINING. */
function untroubled(script: ConversationScript): ConversationScript {
  const messages = script.messages.map(
    (each): MessageScript => ({ ...each, failsAfter: undefined, abortedAt: undefined }),
  );
  return { ...script, messages, quitAt: undefined, destroyedAt: undefined, cut: undefined, segments: [] };
}

test("a server without faults gets everything that is fit to be sent, whatever it thinks of PIPELINING", () => {
  fc.assert(
    fc.property(conversations(faultlessServer).map(untroubled), (script) => {
      const { results } = expectSound(script);
      for (const [i, { from, to, requireAll }] of script.messages.entries()) {
        const { server } = script;
        const all = to.every((kind) => canReceive(kind, server));
        const fit = canSend(from, server) && (all || !requireAll);
        for (const [r, kind] of to.entries()) {
          const expected = fit && canReceive(kind, server) ? "succeeded" : "failed";
          const order = expectedIndex(script, i);
          expect(results[order]?.[r]?.status, `message ${i}, recipient ${r}`).toBe(expected);
        }
      }
    }),
    { numRuns: runs(3_000) },
  );
});

/** Where the fates of a message are found: they are listed in the order in which messages were queued. */
function expectedIndex({ messages }: ConversationScript, i: number): number {
  const at = messages[i]?.queuedAt ?? 0;
  return messages.filter(({ queuedAt }, k) => queuedAt < at || (queuedAt === at && k < i)).length;
}

test("what a session learns of a server the next one heeds", () => {
  fc.assert(
    fc.property(conversations(honest), conversations(SOUND), (script, second) => {
      const { facts } = expectSound(script);
      const next = expectSound({ ...second, server: script.server }, facts);
      if (facts.followOn === "unfit") expect(next.followOns).toBe(0);
    }),
    { numRuns: runs(3_000) },
  );
});
