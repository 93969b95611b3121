import fc from "fast-check";
import { type ChunkingScript, SOUND_CHUNKING } from "./model-chunks.ts";
import type { Fault, ServerScript } from "./model-server.ts";

// Arbitraries of servers and texts. Everything is plain data, so that a counterexample shrinks and can be pasted.

/** How many runs: `usual`, or as many times more as the environment says (`PROPERTY_RUNS=20`). */
export function runs(usual: number): number {
  return Math.ceil(usual * Number(process.env["PROPERTY_RUNS"] ?? 1));
}

/** A sound server without faults: what counterexamples start from. */
export const SOUND: ServerScript = {
  pipelining: true,
  heloOnly: false,
  size: undefined,
  eightBit: true,
  utf8: false,
  garbled: false,
  behindText: "sound",
  keeps: "nothing",
  idleData: 503,
  recipients: undefined,
  limits: "",
  faults: [],
};

/** Undefined, but for one of so many. */
export function rarely<T>(oneOf: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: oneOf - 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary },
  );
}

const said = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(450, 451, 452, 421) },
  { weight: 4, arbitrary: fc.constantFrom(550, 503, 552, 554, 500, 530) },
  { weight: 2, arbitrary: fc.constantFrom(250, 251, 220, 354) },
  { weight: 1, arbitrary: fc.constantFrom(150, 334) },
  { weight: 1, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "hello\r\n",
      "2x0 ok\r\n",
      "250?\r\n",
      "250-a\r\n251 b\r\n",
      "\r\n",
      "600 no\r\n",
    ),
  },
  { weight: 1, arbitrary: fc.constant("x".repeat(5_000)) },
);

const fault: fc.Arbitrary<Fault> = fc.record(
  {
    on: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom<Fault["on"][]>("text", "DATA", "MAIL", "RCPT", "RSET") },
      { weight: 1, arbitrary: fc.constantFrom<Fault["on"][]>("greeting", "EHLO", "HELO", "NOOP", "QUIT") },
    ),
    nth: fc.nat({ max: 5 }),
    says: fc.option(said, { nil: undefined, freq: 6 }),
    // Mostly the conversation goes on: what ends it at once is soon explored.
    after: fc.oneof(
      { weight: 6, arbitrary: fc.constant<Fault["after"]>("goOn") },
      { weight: 1, arbitrary: fc.constantFrom<Fault["after"][]>("hangUp", "silence") },
    ),
    lines: fc.integer({ min: 2, max: 4 }),
    delay: rarely(2, fc.constantFrom(10, 1_900, 2_100, 5_500, 130_000, 700_000)),
    early: fc.nat({ max: 30 }),
    again: rarely(2, fc.constantFrom(250, 550, 354, 421)),
    takes: fc.boolean(),
  },
  { requiredKeys: ["on", "nth", "after"] },
);

/** Faults of a server that gives each command one reply, and a true one. */
const honestFault = fault.map((each): Fault => {
  const { again: _, ...rest } = each;
  const honest = rest.says === "" && rest.after === "goOn" ? { ...rest, after: "silence" as const } : rest;
  const no = typeof honest.says === "number" && honest.says >= 400;
  return honest.on === "text" && honest.early !== undefined && !no ? { ...honest, early: undefined } : honest;
});

const behaviour = {
  pipelining: fc.oneof(
    { weight: 5, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
  heloOnly: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  size: rarely(4, fc.constantFrom(20, 1_000)),
  eightBit: fc.oneof(
    { weight: 2, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
  utf8: fc.boolean(),
  garbled: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  behindText: fc.constantFrom<ServerScript["behindText"][]>("sound", "sound", "refuses", "swallows"),
  keeps: fc.constantFrom<ServerScript["keeps"][]>("nothing", "nothing", "refused", "everything"),
  idleData: fc.constantFrom<ServerScript["idleData"][]>(503, 554, 354),
  recipients: rarely(3, fc.integer({ min: 1, max: 3 })),
  limits: fc.constantFrom(
    "",
    "",
    "",
    "RCPTMAX=1",
    "RCPTMAX=2",
    "RCPTDOMAINMAX=1",
    "MAILMAX=2",
    "MAILMAX=3 RCPTMAX=2",
  ),
};

function distinct(each: fc.Arbitrary<Fault>): fc.Arbitrary<Fault[]> {
  return fc.uniqueArray(each, { maxLength: 4, selector: ({ on, nth }) => `${on} ${nth}` });
}

/** Servers that may do anything but lie. */
export const honestServer: fc.Arbitrary<ServerScript> = fc.record({
  ...behaviour,
  faults: distinct(honestFault),
});

/** Servers that may do anything. */
export const anyServer: fc.Arbitrary<ServerScript> = fc.record({ ...behaviour, faults: distinct(fault) });

/** Servers without faults, whatever they think of PIPELINING. */
export const faultlessServer: fc.Arbitrary<ServerScript> = fc.record({
  ...behaviour,
  heloOnly: fc.constant(false),
  eightBit: fc.constant(true),
  size: fc.constant(undefined),
  keeps: fc.constant<ServerScript["keeps"]>("nothing"),
  // What it takes of a transaction a further one can mend, if the text can be sent again; what of a session, none.
  recipients: fc.constant(undefined),
  limits: fc.constantFrom("", "RCPTMAX=1", "RCPTMAX=2", "RCPTDOMAINMAX=1"),
  faults: fc.constant([]),
});

/** The same servers, speaking LMTP. */
export function overLmtp(servers: fc.Arbitrary<ServerScript>): fc.Arbitrary<ServerScript> {
  return servers.map((each) => ({ ...each, lmtp: true }));
}

const seldom = fc.oneof(
  { weight: 7, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);

const chunking: fc.Arbitrary<ChunkingScript> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(SOUND_CHUNKING) },
  {
    weight: 3,
    arbitrary: fc.record({
      leaksUnreceivable: seldom,
      leaksTooLarge: fc.boolean(), // is never seen, so it costs no other fault its turn
      answersTwice: fc.constant(false),
      readsOnBehindReset: fc.boolean(), // the same
      alike: seldom,
      holds: rarely(6, fc.integer({ min: 1, max: 8 })),
      mostInVain: rarely(6, fc.integer({ min: 1, max: 12 })),
      behindLast: fc.oneof(
        { weight: 8, arbitrary: fc.constant<ChunkingScript["behindLast"]>("sound") },
        { weight: 1, arbitrary: fc.constantFrom<ChunkingScript["behindLast"][]>("refuses", "swallows") },
      ),
    }),
  },
);

const chunkFault: fc.Arbitrary<Fault> = fc.record(
  {
    on: fc.constant<Fault["on"]>("BDAT"),
    nth: fc.nat({ max: 3 }),
    says: fc.constantFrom(452, 552, 554, 421, 250),
    after: fc.constant<Fault["after"]>("goOn"),
    early: fc.nat({ max: 30 }),
  },
  { requiredKeys: ["on", "nth", "says", "after"] },
);

/**
 * A server that keeps transactions open and then refuses RSET, too, adds the next message's recipients to it: of a burst
 * that is under way nothing can be taken back. The fates are unknown then, but what it does is nobody's message.
 */
function borne({ keeps }: ServerScript): (fault: Fault) => boolean {
  return ({ on }) => keeps === "nothing" || on !== "RSET";
}

/** The same servers, most of them with CHUNKING; `honest`: none that answers more than it is asked. */
export function overChunks(
  servers: fc.Arbitrary<ServerScript>,
  honest: "honest" | "any",
): fc.Arbitrary<ServerScript> {
  const lie = honest === "honest" ? fc.constant(false) : seldom;
  const offered = fc.oneof(
    { weight: 9, arbitrary: chunking },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
  return fc
    .tuple(servers, offered, rarely(3, chunkFault), lie)
    .map(([server, script, refusal, answersTwice]) => ({
      ...server,
      chunking: script && { ...script, answersTwice },
      faults: [...server.faults.filter(borne(server)), ...(refusal === undefined ? [] : [refusal])],
    }));
}

const PIECES = [
  ".",
  "..",
  "\r\n",
  "\n",
  "\r",
  "\r\n.\r\n",
  "\n.\n",
  "a",
  "Subject: x\r\n",
  "QUIT\r\n",
  "RSET\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<evil@example.net>\r\nDATA\r\n",
  "\u00e9",
];

/** Texts, one character per octet. */
export const text: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 8 })
  .map((pieces) => pieces.join(""));

/** What a text must be on the wire: a canonicaliser of its own, one regular expression on the whole. */
export function canonical(given: string): string {
  const lines = given.replace(/\r\n|\r|\n/g, "\r\n");
  return lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
}

/** Sizes of the pieces that octets travel in; 0: whatever there is. What comes after them travels whole. */
export const segments: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.nat({ max: 40 }) },
    { weight: 1, arbitrary: fc.nat({ max: 3 }) },
  ),
  { maxLength: 30 },
);

/** Where the connection is cut: behind so many octets one way; what was said then arrives, or does not. */
export interface Cut {
  readonly way: "toServer" | "toClient";
  readonly octets: number;
  readonly lossy: boolean;
  /** The client sees a reset connection instead of its end. Only where there is a socket. */
  readonly reset?: boolean | undefined;
}

export const cut: fc.Arbitrary<Cut | undefined> = rarely(
  4,
  fc.record({
    way: fc.constantFrom<Cut["way"][]>("toServer", "toClient"),
    octets: fc.nat({ max: 700 }),
    lossy: fc.boolean(),
  }),
);

/** Whether a burst may seem to end with a 421 or a refused RSET that did not end it: then nothing can be known. */
export function misleads({
  server,
  cut,
}: {
  readonly server: ServerScript;
  readonly cut: Cut | undefined;
}): boolean {
  const { chunking: offered, faults } = server;
  const suspicious = faults.filter(
    ({ on, says, after }) =>
      after === "goOn" &&
      (says === 421 || ((on === "RSET" || on === "NOOP") && typeof says === "number" && says >= 400)),
  );
  const ends =
    cut !== undefined || offered?.mostInVain !== undefined || faults.some(({ after }) => after !== "goOn");
  return offered !== undefined && suspicious.length > 0 && ends;
}

export type RecipientKind = "good" | "bad" | "again" | "utf8";

/** The address of a recipient: it says which message it is of. `again` repeats the first. */
export function addressOf(message: number, recipient: number, kind: RecipientKind): string {
  if (kind === "bad") return `bad address m${message}r${recipient}`;
  if (kind === "utf8") return `m${message}r${recipient}\u00e9@example.org`;
  return kind === "again" ? `m${message}r0@example.org` : `m${message}r${recipient}@example.org`;
}

export const recipientKinds: fc.Arbitrary<RecipientKind[]> = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.constant<RecipientKind>("good") },
    { weight: 1, arbitrary: fc.constantFrom<RecipientKind[]>("bad", "again", "utf8") },
  ),
  { minLength: 1, maxLength: 5 },
);

export type SenderKind = "own" | "null" | "bad" | "utf8";

export function senderOf(message: number, kind: SenderKind): string {
  if (kind === "null") return "";
  if (kind === "utf8") return `s${message}\u00e9@example.org`;
  return kind === "bad" ? `bad sender ${message}` : `s${message}@example.org`;
}

/** Whether every recipient can have a message, as far as its sender and the server's extensions go. */
export function canSend(from: SenderKind, { utf8, eightBit }: ServerScript): boolean {
  return from !== "bad" && (from !== "utf8" || (utf8 && eightBit));
}

export function canReceive(kind: RecipientKind, { utf8, eightBit }: ServerScript): boolean {
  return kind !== "bad" && (kind !== "utf8" || (utf8 && eightBit));
}

export const senderKind: fc.Arbitrary<SenderKind> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<SenderKind>("own") },
  { weight: 1, arbitrary: fc.constantFrom<SenderKind[]>("null", "bad", "utf8") },
);
