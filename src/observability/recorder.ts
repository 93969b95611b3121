import { page } from "./recorder/page.ts";
import { Recording } from "./recorder/recording.ts";
import { keepAddresses, pseudonymous } from "./recorder/redaction.ts";
import { attach, checkNames, isItsEnd, isSession, type ObservationTarget } from "./target.ts";

export type { ObservationTarget, ObservedSession } from "./target.ts";

/** Options of {@link attachRecorder}. */
export interface RecorderOptions {
  /** The heading of the page. Default `"SMTP session"`. */
  readonly title?: string | undefined;
  /**
   * How many command groups are kept, and as many settled messages; of their commands and recipients 20 times as many,
   * and of closed sessions 100. The oldest go first, and the page says how many are left out: the totals count them
   * still. Default 2,000.
   */
  readonly maxGroups?: number | undefined;
  /**
   * Replaces the local parts of all addresses by pseudonyms, `user-1@example.net`: one address has one pseudonym in
   * the whole recording, in command lines and in what the server said too. There a word that is the local part of the
   * address it speaks of goes as well. Domains stay, and so does the name of a person that a server mentions.
   * Default false.
   */
  readonly redactAddresses?: boolean | undefined;
}

/** What has been recorded so far. */
export interface Recorder {
  /** The page: one HTML file that needs nothing else, made of what was recorded until now. */
  html(): string;
  /** Stops recording; `html()` stays available. */
  detach(): void;
}

/**
 * Records what a session, or a pool, does, and shows it as a page to look at, or to attach to a bug report: the
 * conversation as a sequence picture, what pipelining saved, and the fate of every recipient. Driven by the events
 * alone. Memory is bounded by `maxGroups`. Ends by itself when the target closes; `html()` stays available.
 *
 * **The page holds addresses and what the server said**, unless `redactAddresses` is set; then what the server said is
 * there still, without the addresses in it. It never holds the text of a message. It makes no request to any network.
 *
 * @throws TypeError that names the option
 *
 * @example
 * import { writeFileSync } from "node:fs";
 * import { attachRecorder } from "smtp-pipelining/recorder";
 * const recorder = attachRecorder(session);
 * session.on("close", () => writeFileSync("session.html", recorder.html()));
 */
export function attachRecorder(target: ObservationTarget, options: RecorderOptions = {}): Recorder {
  const { title, maxGroups, redactAddresses } = checked(options);
  const recording = new Recording(maxGroups, redactAddresses ? pseudonymous() : keepAddresses);
  const { listeners } = recording;
  const detach = attach(target, {
    ...listeners,
    // Until a session has it, it is nobody's.
    messageQueued: (event) => {
      if (isSession(target) || !isItsEnd(target, event)) listeners.messageQueued(event);
    },
    close: (event) => {
      listeners.close(event);
      if (isItsEnd(target, event)) detach();
    },
  });
  for (const session of target.sessions) recording.meet(session);
  return { html: () => page(recording, { title, redacted: redactAddresses }), detach };
}

function checked(options: RecorderOptions): {
  readonly title: string;
  readonly maxGroups: number;
  readonly redactAddresses: boolean;
} {
  checkNames(options, ["title", "maxGroups", "redactAddresses"]);
  const { title = "SMTP session", maxGroups = 2_000, redactAddresses = false } = options;
  if (typeof title !== "string") throw new TypeError("options.title must be a string");
  if (!Number.isSafeInteger(maxGroups) || maxGroups < 1) {
    throw new TypeError("options.maxGroups must be an integer from 1");
  }
  if (typeof redactAddresses !== "boolean") {
    throw new TypeError("options.redactAddresses must be a boolean");
  }
  return { title, maxGroups, redactAddresses };
}
