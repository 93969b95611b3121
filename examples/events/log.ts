import type {
  CloseEvent,
  FlushSummary,
  GroupEndEvent,
  MessageEndEvent,
  MessageEvent,
  RecipientFailedEvent,
  Reply,
  SessionEvent,
  SmtpError,
} from "smtp-pipelining";
import { count, type Output, Screen, shorten } from "../deliver/screen.ts";

type Colour = "red" | "green" | "yellow" | "dim";

const COLOURS: Readonly<Record<string, Colour>> = {
  recipientSucceeded: "green",
  recipientFailed: "red",
  recipientUnknown: "yellow",
  groupEnd: "dim",
  warning: "yellow",
  error: "red",
};

/** On a terminal of fewer columns what happened stands below, indented to where messages are named. */
const NARROW = 80;
const INDENT = " ".repeat(9);

/** Events as lines: when, about which message, what, and the server's words. */
export class EventLog {
  /** Whether the session failed. */
  failed = false;
  readonly #screen: Screen;
  readonly #width: number;
  #began: number | undefined;

  constructor(out: Output, env: Readonly<Record<string, string | undefined>>) {
    this.#screen = new Screen(out, env);
    // In a file, or in the hands of grep, a line may be long.
    this.#width = out.isTTY ? Math.min(out.columns || 100, 120) : 1_000;
    this.#screen.print(this.#screen.paint("bold", columns("time", "message", "event", "")));
  }

  recipient(name: string, event: MessageEvent & { readonly address: string }, why: Why): void {
    this.#line(event, event.messageId, name, `${event.address.padEnd(18)}  ${because(why)}`);
  }

  message(event: MessageEndEvent): void {
    const { succeeded, failed, unknown } = event.delivery;
    const fates = fatesOf(succeeded.length, failed.length, unknown.length);
    const times = `waited ${ms(event.waitMs)}, took ${ms(event.durationMs)}`;
    this.#line(event, event.messageId, "messageEnd", `${fates}; ${times}`);
  }

  group({ time, sessionId, group }: GroupEndEvent): void {
    const { id, exchanges, durationMs } = group;
    this.#began ??= group.startedAt;
    const commands = exchanges.map(({ command }) => command).join(" ");
    this.#line({ time, sessionId }, "", "groupEnd", `group ${id}: ${commands}; ${ms(durationMs)}`);
  }

  problem(
    name: "warning" | "error",
    event: SessionEvent,
    what: { readonly code: string; readonly message: string },
  ): void {
    if (name === "error") this.failed = true;
    this.#line(event, "", name, `${what.code} ${what.message}`);
  }

  close(event: CloseEvent): void {
    this.#line(event, "", "close", event.reason);
  }

  summary(counts: FlushSummary, worthAnotherTry: readonly RecipientFailedEvent[]): void {
    const { messages, succeeded, failed, unknown } = counts;
    const recipients = count(succeeded + failed + unknown, "recipient");
    const lines = [`${count(messages, "message")}, ${recipients}: ${fatesOf(succeeded, failed, unknown)}.`];
    if (worthAnotherTry.length > 0) {
      lines.push("Worth another try:");
      for (const { messageId, address, reply, error } of worthAnotherTry) {
        const line = `  ${messageId.padEnd(10)}${address.padEnd(18)}  ${because(reply ?? error)}`;
        lines.push(shorten(line, this.#width));
      }
    } else {
      lines.push("Nobody is worth another try.");
    }
    this.#screen.print("", ...lines);
  }

  #line({ time }: SessionEvent, messageId: string, name: string, what: string): void {
    this.#began ??= time;
    const when = ms(time - this.#began);
    const narrow = this.#width < NARROW;
    const first = columns(when, messageId, name, narrow ? "" : what);
    const colour = COLOURS[name];
    for (const line of narrow ? [first, ...wrapped(what, this.#width)] : [first]) {
      const shown = shorten(line, this.#width);
      this.#screen.print(colour === undefined ? shown : this.#screen.paint(colour, shown));
    }
  }
}

type Why = Reply | SmtpError | undefined;

function because(why: Why): string {
  if (why === undefined) return "";
  return "lines" in why ? `${why.code} ${why.lines[0] ?? ""}` : `${why.code} ${why.message}`;
}

function columns(time: string, message: string, event: string, what: string): string {
  return `${time.padStart(7)}  ${message.padEnd(10)}${event.padEnd(20)}${what}`.trimEnd();
}

/** Rows of whole words, where what happened has no room beside the rest. */
function wrapped(text: string, width: number): string[] {
  const rows: string[] = [];
  for (const word of text.split(" ")) {
    const row = rows.at(-1);
    if (row !== undefined && row.length + 1 + word.length <= width) rows[rows.length - 1] = `${row} ${word}`;
    else rows.push(`${INDENT}${word}`);
  }
  return rows;
}

function fatesOf(succeeded: number, failed: number, unknown: number): string {
  return `${succeeded} succeeded, ${failed} failed, ${unknown} unknown`;
}

function ms(duration: number): string {
  return `${duration.toFixed(0)} ms`;
}
