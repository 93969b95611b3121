import type { PeerFacts, PeerMemory } from "smtp-pipelining";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { SOUND_CHUNKING } from "../support/model-chunks.ts";
import type { Fault, Verb } from "../support/model-server.ts";
import { type Cut, SOUND } from "../support/scripts.ts";
import { type SessionMessage, SessionRun, type SessionScript } from "../support/session-run.ts";

// One conversation of CHUNKING, and all that can go wrong with it once: the connection is cut behind every octet, every
// command is refused, every source fails at every chunk. What is said of each recipient is held against what the model
// server accepted (support/judge.ts).

beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});

afterAll(() => {
  vi.useRealTimers();
});

interface Setting {
  readonly chunking: "auto" | "strict";
  readonly peer: "unproven" | "proven";
}

const SETTINGS: readonly Setting[] = [
  { chunking: "auto", peer: "unproven" },
  { chunking: "auto", peer: "proven" },
  { chunking: "strict", peer: "unproven" },
  { chunking: "strict", peer: "proven" },
];

const STRING: SessionMessage = {
  from: "own",
  to: ["good"],
  text: "",
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
const STREAM: SessionMessage = { ...STRING, form: "stream", pieces: 3, slow: true };
/** Run as commands it would be a message of another sender's. */
const EVIL = "RSET\r\nMAIL FROM:<e@x>\r\n.\r\n";

const MESSAGES: readonly SessionMessage[] = [
  { ...STRING, to: ["good", "good"], text: "Subject: 0\r\n" },
  { ...STRING, text: "Subject: 1\r\n" },
  { ...STREAM, text: EVIL },
  { ...STRING, text: EVIL },
];

/** The second recipient and the second text are refused; the discard probe has a text, too. */
function refusals({ chunking, peer }: Setting): Fault[] {
  const probe = chunking === "auto" && peer === "unproven" ? 1 : 0;
  return [
    { on: "RCPT", nth: 1, says: 550, after: "goOn" },
    { on: "text", nth: 1 + probe, says: 554, after: "goOn" },
  ];
}

function scriptOf(setting: Setting, more: Partial<SessionScript> = {}): SessionScript {
  return {
    pipelining: "auto",
    chunking: setting.chunking,
    lineEndings: "normalize",
    server: { ...SOUND, chunking: SOUND_CHUNKING, faults: refusals(setting) },
    connects: true,
    messages: MESSAGES,
    commands: [],
    meddling: undefined,
    quitAt: undefined,
    destroyedAt: undefined,
    segments: [],
    cut: undefined,
    deafBehind: undefined,
    ...more,
  };
}

async function soundRun(setting: Setting, more: Partial<SessionScript> = {}): Promise<SessionRun> {
  let facts: PeerFacts = { followOn: setting.peer, chunking: setting.peer, pipelining: true };
  const peers: PeerMemory = {
    get: () => facts,
    set: (_, learnt) => {
      facts = learnt;
    },
  };
  const run = new SessionRun(scriptOf(setting, more), peers);
  const problems = await run.run();
  expect(problems, `${JSON.stringify({ ...setting, ...more })}\n${run.transcript}`).toEqual([]);
  return run;
}

/** What becomes of the messages if nothing goes wrong, in the words of {@link fates}. */
const PLANNED: readonly string[] = [
  "succeeded message, failed rcpt",
  "failed message",
  "succeeded message",
  "succeeded message",
];

/** One line for each message: the fates of its recipients, and where they were decided. */
function fates(run: SessionRun): string[] {
  return run.deliveries.map((delivery) =>
    (delivery?.recipients ?? []).map(({ status, stage }) => `${status} ${stage}`).join(", "),
  );
}

/** How many recipients met each fate. */
class Tally {
  cases = 0;
  readonly #counts = new Map<string, number>();

  add(run: SessionRun): void {
    this.cases++;
    for (const delivery of run.deliveries) {
      for (const result of delivery?.recipients ?? []) {
        const retryable = result.status === "failed" && result.retryable ? ", retryable" : "";
        this.#count(`${result.status}${retryable}`);
      }
    }
  }

  #count(fate: string): void {
    this.#counts.set(fate, (this.#counts.get(fate) ?? 0) + 1);
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, each) => sum + each, 0);
  }

  print(what: string): void {
    const counts = [...this.#counts].sort().map(([fate, times]) => `${fate} ${times}`);
    process.stdout.write(`${what}: ${this.cases} cases; recipients: ${counts.join("; ")}\n`);
  }
}

const name = ({ chunking, peer }: Setting): string => `"${chunking}", ${peer} peer`;

describe.each(SETTINGS)("chunking $chunking, $peer peer", (setting) => {
  const bursts = setting.chunking === "auto";

  test("the conversation that is cut: its fates and its form", async () => {
    const run = await soundRun(setting);
    expect(fates(run)).toEqual(PLANNED);
    expect(run.bursts > 0).toBe(bursts);
    expect(run.server.commands.filter((line) => /^BDAT/.test(line)).slice(-4)).toEqual([
      "BDAT 9",
      "BDAT 9",
      "BDAT 8 LAST",
      "BDAT 26 LAST",
    ]);
    expect(run.transcript.includes("XPRB")).toBe(bursts && setting.peer === "unproven");
  });

  test.each(["end", "reset"] as const)(
    "cut behind every octet (%s)",
    async (how) => {
      const { octets } = await soundRun(setting);
      const tally = new Tally();
      for (const way of ["toServer", "toClient"] as const) {
        for (let at = 0; at <= octets[way]; at++) {
          const cut: Cut = { way, octets: at, lossy: how === "reset", reset: how === "reset" };
          const run = await soundRun(setting, { cut });
          tally.add(run);
          // One text at a time: a cut can't hide the fate of two.
          const unknown = run.deliveries.filter((each) => each?.unknown.length !== 0);
          if (!bursts) expect(unknown.length).toBeLessThanOrEqual(1);
        }
      }
      tally.print(`cut (${how}), ${name(setting)}`);
      expect(tally.cases).toBe(octets.toServer + octets.toClient + 2);
      expect(tally.total).toBe(5 * tally.cases);
    },
    60_000,
  );

  test("every command refused", async () => {
    const { commands } = (await soundRun(setting)).server;
    const tally = new Tally();
    for (const { on, nth } of places(commands)) {
      for (const says of [421, 452, 503, 530, 550, 554]) {
        for (const after of ["goOn", "hangUp", "silence"] as const) {
          const faults: Fault[] = [{ on, nth, says, after }, ...refusals(setting)];
          const run = await soundRun(setting, { server: { ...SOUND, chunking: SOUND_CHUNKING, faults } });
          tally.add(run);
          // Every reply comes. Behind a refused RSET, which can't be, none is believed; a 530 to MAIL ends the session.
          if (after !== "goOn" || on === "RSET" || (on === "MAIL" && says === 530)) continue;
          expect(fates(run).join(), `${on} ${nth}: ${says}\n${run.transcript}`).not.toContain("unknown");
        }
      }
    }
    tally.print(`every command refused, ${name(setting)}`);
    expect(tally.cases).toBe(18 * (commands.length + 1));
    expect(tally.total).toBe(5 * tally.cases);
  }, 60_000);

  test("every source fails at every chunk", async () => {
    const tally = new Tally();
    for (const which of MESSAGES.keys()) {
      for (const failing of failingSources()) {
        const messages = MESSAGES.map((each, i) => (i === which ? { ...each, ...failing } : each));
        const run = await soundRun(setting, { messages });
        tally.add(run);
        const what = `m${which} ${JSON.stringify(failing)}\n${run.transcript}`;
        expect(fates(run).slice(0, which), what).toEqual(PLANNED.slice(0, which));
        expect(run.deliveries[which]?.succeeded, what).toEqual([]);
      }
    }
    tally.print(`every source failing, ${name(setting)}`);
    expect(tally.cases).toBe(4 * 48);
    expect(tally.total).toBe(5 * tally.cases);
  }, 60_000);
});

/** Each command of a conversation: its verb as the model server counts it, and the how manieth of it. */
function places(commands: readonly string[]): { readonly on: Verb; readonly nth: number }[] {
  const verbs = commands.map((line) => (/^BDAT.*LAST$/.test(line) ? "text" : line.slice(0, 4)));
  const numbered = verbs.map((on, i) => ({
    on: on as Verb,
    nth: verbs.slice(0, i).filter((each) => each === on).length,
  }));
  return [{ on: "greeting", nth: 0 }, ...numbered];
}

/** Sources in all their forms that throw or fall silent before each of their pieces. */
function failingSources(): Partial<SessionMessage>[] {
  const pieces = 3;
  return (["stream", "iterable", "function", "late function"] as const).flatMap((form) =>
    (["throws", "hangs"] as const).flatMap((kind) =>
      [0, 1, 2].flatMap((behind) =>
        [true, false].map((slow) => ({ form, pieces, slow, fault: { kind, behind } })),
      ),
    ),
  );
}
