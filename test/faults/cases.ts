import { type Answer, cut, stall, surplus, type TestCommand } from "smtp-pipelining/testing";
import type { Case } from "./run.ts";

/** Behind which octets of each direction the connection is cut. */
export interface Offsets {
  readonly received: readonly number[];
  readonly sent: readonly number[];
}

const HOW = ["fin", "rst"] as const;
const WHEN = ["received", "done", "answered"] as const;

/** FIN and RST behind octets of each direction. */
export function cutsBehindOctets({ received, sent }: Offsets): Case[] {
  return HOW.flatMap((how) => [
    ...received.map((afterReceived) => ({
      name: `${how} behind ${afterReceived} octets of the client's`,
      faults: [cut({ afterReceived, how })],
    })),
    ...sent.map((afterSent) => ({
      name: `${how} behind ${afterSent} octets of the server's`,
      faults: [cut({ afterSent, how })],
    })),
  ]);
}

/** FIN and RST at each command, before and after it was carried out or answered. */
export function cutsAtCommands(commands: readonly TestCommand[]): Case[] {
  return commands.flatMap((command) =>
    HOW.flatMap((how) =>
      WHEN.map((when) => ({
        name: `${how} at ${named(command)}, ${when}`,
        faults: [cut({ ...place(command), how, when })],
      })),
    ),
  );
}

/** Silence for good at each command, carried out or not; and an answer that comes when the client has given up. */
export function silences(commands: readonly TestCommand[]): Case[] {
  return commands.flatMap((command) => [
    ...WHEN.slice(0, 2).map((when) => ({
      name: `silence at ${named(command)}, ${when}`,
      faults: [stall({ ...place(command), when })],
      hasty: true,
    })),
    {
      name: `${named(command)} is answered late`,
      faults: [stall({ ...place(command), for: 100 })],
      hasty: true,
    },
  ]);
}

/** 421 at each command: the server hangs up, stays, or stays and says nothing more. */
export function shutdowns(commands: readonly TestCommand[]): Case[] {
  const answer = says("421 4.3.2 bye");
  return commands.flatMap((command) => [
    { name: `421 to ${named(command)}`, answer: answer(command) },
    {
      name: `421 to ${named(command)}, and it stays`,
      answer: answer(command),
      flaws: { staysBehind421: true },
    },
    {
      name: `421 to ${named(command)}, then silence`,
      answer: answer(command),
      flaws: { staysBehind421: true },
      faults: [stall({ ...place(command), when: "answered" })],
      hasty: true,
    },
  ]);
}

const WRONG: readonly string[] = [
  "250 2.0.0 wrong",
  "250 2.0.0 flushed", // what it says to RSET
  "250-wrong\n250 2.0.0 wrong",
  "220 wrong",
  "334 wrong",
  "354 wrong",
  "451 4.3.0 wrong",
  "452 4.5.3 wrong",
  "503 5.5.1 wrong",
  "550 5.0.0 wrong",
  "150 wrong",
  "000 wrong",
  "620 wrong",
  "999 wrong",
  "250wrong",
  "25 wrong",
  "wrong",
  "\0",
  "250-wrong\n251 wrong",
  `250 ${"wrong ".repeat(1_000)}`,
  "250-wrong\n".repeat(300).concat("250 wrong"),
];

/** Each wrong reply to each command; the server does what was asked only where its code is of the right kind. */
export function wrongReplies(commands: readonly TestCommand[]): Case[] {
  return commands.flatMap((command) =>
    WRONG.map((reply) => ({
      name: `${JSON.stringify(reply.slice(0, 20))} to ${named(command)}`,
      answer: says(reply)(command),
    })),
  );
}

const SURPLUS: readonly string[] = [
  "250 2.0.0 surplus",
  // What it says to RSET, and what to a text.
  "250 2.0.0 flushed",
  "250 2.0.0 accepted as 1",
  "354 surplus",
  "451 4.3.0 surplus",
  "550 5.0.0 surplus",
];

/**
 * A reply too many, before and behind each true one. Not: a refusal before the answer to a text that the server accepts.
 * It is taken for that answer, and nothing that comes behind it can show that it was none.
 */
export function surplusReplies(commands: readonly TestCommand[]): Case[] {
  return commands.flatMap((command) =>
    SURPLUS.flatMap((reply) =>
      [true, false]
        .filter((before) => !(before && command.verb === "text" && /^[45]/.test(reply)))
        .map((before) => ({
          name: `${JSON.stringify(reply)} ${before ? "before" : "behind"} the reply to ${named(command)}`,
          faults: [surplus({ ...place(command), reply, before })],
        })),
    ),
  );
}

function place({ verb, nth }: TestCommand): { readonly at: string; readonly nth: number } {
  return { at: verb, nth };
}

function named({ verb, nth }: TestCommand): string {
  return `${verb} ${nth}`;
}

/** Says a reply to one command. */
function says(reply: string): (command: TestCommand) => Answer {
  return ({ verb, nth }) =>
    (each) =>
      each.verb === verb && each.nth === nth ? reply : undefined;
}
