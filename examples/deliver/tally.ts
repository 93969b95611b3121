import type { SmtpSession } from "smtp-pipelining";
import type { Mail } from "./mail.ts";

/** Counts what the events of a session tell. */
export class Tally {
  messages = 0;
  readonly complete = { all: 0, some: 0, none: 0 };
  succeeded = 0;
  /** Failed; another try may help. */
  deferred = 0;
  /** Failed for good. */
  refused = 0;
  unknown = 0;
  /** Groups that were answered: each was waited for once. */
  groups = 0;
  /** Commands with a reply of their own. */
  exchanges = 0;
  /** RSETs among them: pipelining adds them, one command at a time needs none. */
  resets = 0;
  /** Commands written and not answered yet. */
  inFlight = 0;
  /** Failed because the server refused the recipient. */
  refusedByServer = 0;
  /** Texts that were compared, and those among them that arrived as they were sent. */
  texts = 0;
  asSent = 0;
  readonly mismatches: string[] = [];
  wallMs = 0;
  /** Why not all messages could be sent. */
  broken: string | undefined;

  get failed(): number {
    return this.deferred + this.refused;
  }

  watch(session: SmtpSession): void {
    session.on("sent", () => {
      this.inFlight++;
    });
    session.on("reply", ({ command }) => {
      if (command !== "greeting") this.inFlight--;
    });
    session.on("groupEnd", ({ group }) => {
      this.groups++;
      this.inFlight -= group.exchanges.filter(({ reply }) => reply === undefined).length;
      this.exchanges += group.exchanges.length;
      this.resets += group.exchanges.filter(({ command }) => command === "RSET").length;
    });
    session.on("recipientSucceeded", () => {
      this.succeeded++;
    });
    session.on("recipientFailed", ({ stage, retryable }) => {
      if (stage === "rcpt") this.refusedByServer++;
      if (retryable) this.deferred++;
      else this.refused++;
    });
    session.on("recipientUnknown", () => {
      this.unknown++;
    });
    session.on("messageEnd", ({ delivery }) => {
      this.messages++;
      if (delivery.ok) this.complete.all++;
      else if (delivery.succeeded.length > 0) this.complete.some++;
      else this.complete.none++;
    });
  }

  /** A text that was accepted has been compared with what was sent. */
  compared({ name }: Mail, problem: string | undefined): void {
    this.texts++;
    if (problem === undefined) this.asSent++;
    else this.mismatches.push(`${name}: ${problem}`);
  }

  /** A text arrived that no message accounts for. */
  surplus(from: string): void {
    this.mismatches.push(`a message from <${from}> arrived that nobody was told of`);
  }
}
