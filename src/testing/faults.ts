import { checkKey, names, type TestCommand } from "./command.ts";

/**
 * Where in a conversation a fault is: at a command.
 * A fault happens once, on the connection that comes there first.
 */
export interface AtCommand {
  /**
   * What the command's line begins with: `"RCPT"`, `"RCPT TO:<full@"`; `"greeting"`; `"text"` for the end of a text. In
   * any case.
   */
  readonly at: string;
  /** The how manieth such command, from 1, on all connections. Default 1. */
  readonly nth?: number;
}

/** When, at a command: before or after it was carried out, or answered. */
export interface Moment {
  /**
   * - `"received"`: the command has come, and is not carried out
   * - `"done"` (default): it was carried out (a text: the message was accepted), and is not answered
   * - `"answered"`: its reply has been sent
   */
  readonly when?: "received" | "done" | "answered";
}

/** Where in a conversation a fault is: behind an octet, of what is on the network (under TLS: its records). */
export type BehindOctet = (
  | {
      /** Behind so many octets from the client. The server still carries out what it then has whole. */
      readonly afterReceived: number;
    }
  | {
      /** Behind so many octets to the client. */
      readonly afterSent: number;
    }
) & {
  /** On which connection, from 1. Default: the first. */
  readonly connection?: number;
};

/** How a connection ends: in good order (FIN), or reset (RST). */
export interface CutHow {
  /** Default `"rst"`. What comes behind a FIN is not read; behind an octet from the client, what is owed is still sent. */
  readonly how?: "fin" | "rst";
}

/** A fault to inject; made by {@link cut}, {@link stall}, {@link surplus} or {@link stopReading}. */
export type Fault = (
  | { readonly kind: "cut"; readonly how: "fin" | "rst" }
  | { readonly kind: "stall"; readonly ms: number | undefined }
  | { readonly kind: "surplus"; readonly reply: string; readonly before: boolean }
  | { readonly kind: "stopReading"; readonly ms: number | undefined }
) & { readonly place: Required<AtCommand & Moment> | BehindOctet };

/** The connection ends: at a command, or behind an octet. */
export function cut(options: (BehindOctet | (AtCommand & Moment)) & CutHow): Fault {
  return { kind: "cut", how: options.how ?? "rst", place: placeOf(options, "cut") };
}

/** The server falls silent at a command: for so many milliseconds (`for`), or for good. */
export function stall(options: AtCommand & Moment & { readonly for?: number }): Fault {
  return { kind: "stall", ms: options.for, place: placeOf(options, "stall") };
}

/** The server sends a reply too many: behind the reply to a command, or `before` it. */
export function surplus(
  options: AtCommand & {
    /** As in {@link TestServerOptions.replies}: lines without their line ends. */
    readonly reply: string;
    /** Default false. */
    readonly before?: boolean;
  },
): Fault {
  const { reply, before = false } = options;
  return { kind: "surplus", reply, before, place: placeOf(options, "surplus") };
}

/**
 * The server takes no more octets from the network, for so many milliseconds (`for`) or for good: once the buffers of
 * both machines are full, the client can't write.
 */
export function stopReading(
  options: (BehindOctet | (AtCommand & Moment)) & { readonly for?: number },
): Fault {
  return { kind: "stopReading", ms: options.for, place: placeOf(options, "stopReading") };
}

function placeOf(options: BehindOctet | (AtCommand & Moment), where: string): Fault["place"] {
  const {
    at,
    nth = 1,
    when = "done",
    afterReceived,
    afterSent,
    connection,
  } = options as Partial<
    AtCommand & Moment & { afterReceived: number; afterSent: number; connection: number }
  >;
  if ([at, afterReceived, afterSent].filter((place) => place !== undefined).length !== 1) {
    throw new TypeError(`${where}: one of at, afterReceived and afterSent says where`);
  }
  if (at !== undefined) {
    checkKey(at, `${where}: at`);
    return { at, nth, when };
  }
  const which = connection === undefined ? {} : { connection };
  return afterReceived === undefined ? { afterSent: afterSent ?? 0, ...which } : { afterReceived, ...which };
}

/** What is to go wrong on a server, and what of it has. */
export class FaultPlan {
  readonly #faults: readonly { readonly fault: Fault; seen: number }[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults.map((fault) => ({ fault, seen: 0 }));
  }

  /** The faults at a command that has come. To be asked once for each. */
  at(command: TestCommand): Fault[] {
    const met: Fault[] = [];
    for (const each of this.#faults) {
      const { place } = each.fault;
      if ("at" in place && names(place.at, command) && ++each.seen === place.nth) met.push(each.fault);
    }
    return met;
  }

  /** The faults behind octets of a connection. */
  behindOctets(connection: number): Fault[] {
    return this.#faults.flatMap(({ fault }) =>
      "at" in fault.place || (fault.place.connection ?? 1) !== connection ? [] : [fault],
    );
  }
}
