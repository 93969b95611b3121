import type { CommandGroup } from "../pipeline/group.ts";
import type { RetryEvent } from "../pool/events.ts";
import type { Reply } from "../protocol/reply.ts";
import type {
  CloseEvent,
  MessageEndEvent,
  MessageEvent,
  ReadyEvent,
  RecipientFailedEvent,
  RecipientUnknownEvent,
  ReplyEvent,
  SentEvent,
  SessionEvent,
} from "../session/events.ts";
import { commandsOf } from "./commands.ts";
import {
  attach,
  checkNames,
  isItsEnd,
  type Listeners,
  type ObservationTarget,
  serverName,
} from "./target.ts";

export type { ObservationTarget, ObservedSession } from "./target.ts";

type Level = "debug" | "info" | "warn" | "error";

/** A logger of pino's shape: fields first, then the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Asked before a line is made, if the logger has it. */
  isLevelEnabled?(level: string): boolean;
}

/** Options of {@link attachLogger}. */
export interface LoggingOptions {
  /** Whether the conversation is logged too, line by line, at level `debug`: the logger has to be set to that. Default false. */
  readonly wire?: boolean | undefined;
}

/**
 * Logs what a session, or a pool, does. Ends by itself when the target closes.
 *
 * | what | level | fields beside `sessionId` |
 * |---|---|---|
 * | the session connects, the connection stands | debug | `server`, `remoteAddress` |
 * | it is ready | info | `server`, `secure`, `authenticated`, `capabilities` |
 * | a recipient failed | warn | `messageId`, `recipient`, `stage`, `retryable`, `code`, `enhanced`, `reply`, `err` |
 * | the fate of a recipient is unknown | error | `messageId`, `recipient`, `err` |
 * | a message is settled | info if every recipient succeeded, else warn | `messageId`, `from`, `succeeded`, `failed`, `unknown`, `code`, `enhanced`, `reply`, `err`, `durationMs`, `waitMs`, `bytes` |
 * | a command group ended | debug | `groupId`, `commands`, `replies`, `refused`, `durationMs`, `bytesSent`, `err` |
 * | a warning | warn | `code`, `err` |
 * | the session failed | error | `err` |
 * | it is closed | info after `quit` and `aborted`, else warn | `reason` |
 * | with `wire`: a line sent or received | debug | `groupId`, `messageId` |
 *
 * `err` is where pino's serializer for errors looks. Fields that have no value are absent. Lines hold addresses and the
 * server's replies: pino's `redact` removes what yours must not. Secrets of AUTH are in none. The conversation is logged
 * at `debug`, not `trace`: `wire` asks for it already, and a logger of fewer levels has `debug`.
 * A logger that throws, or whose promise rejects, costs its own lines: each event that it fails becomes a `warning`.
 *
 * @param logger pino, or a logger of its shape
 * @returns a function that detaches
 * @throws TypeError that names the argument
 *
 * @example
 * import pino from "pino";
 * import { attachLogger } from "smtp-pipelining/logging";
 * attachLogger(session, pino({ redact: ["from", "recipient"] }));
 */
export function attachLogger(
  target: ObservationTarget,
  logger: Logger,
  options: LoggingOptions = {},
): () => void {
  for (const level of ["debug", "info", "warn", "error"] as const) {
    if (typeof logger?.[level] !== "function") {
      throw new TypeError(`logger must have the methods debug, info, warn and error: it has no ${level}()`);
    }
  }
  if (logger.isLevelEnabled !== undefined && typeof logger.isLevelEnabled !== "function") {
    throw new TypeError("logger.isLevelEnabled must be a function");
  }
  checkNames(options, ["wire"]);
  const { wire = false } = options;
  if (typeof wire !== "boolean") throw new TypeError("options.wire must be a boolean");
  const detach = attach(target, {
    ...listeners(target, logger, () => detach()),
    ...(wire && wireListeners(logger)),
  });
  return detach;
}

// Each listener returns what the logger did: whoever calls it deals with a promise that rejects.

function listeners(target: ObservationTarget, logger: Logger, closed: () => void): Listeners {
  return {
    connecting: (event) => {
      const server = serverName(event);
      return log(logger, "debug", () => ({ ...session(event), server }), `connecting to ${server}`);
    },
    connect: (event) => {
      const { remoteAddress } = event;
      const fields = () => ({ ...session(event), server: serverName(event), ...given({ remoteAddress }) });
      return log(logger, "debug", fields, "connected");
    },
    ready: (event) => log(logger, "info", () => readyFields(event, target), "ready"),
    retry: (event) => log(logger, "info", () => retryFields(event), "message goes to another session"),
    pace: (event) => {
      const { change, limit } = event;
      const fields = () => ({ ...session(event), server: serverName(event), ...given({ limit }) });
      return log(logger, "warn", fields, `relay ${change}`);
    },
    recipientFailed: (event) => log(logger, "warn", () => failedFields(event), "recipient failed"),
    recipientUnknown: (event) =>
      log(logger, "error", () => unknownFields(event), "recipient unknown: it may have been delivered"),
    messageEnd: (event) => {
      const { ok, succeeded, recipients } = event.delivery;
      const text = ok
        ? "message delivered"
        : `message delivered to ${succeeded.length} of ${recipients.length}`;
      return log(logger, ok ? "info" : "warn", () => messageFields(event), text);
    },
    groupEnd: (event) => log(logger, "debug", () => groupFields(event, event.group), "group answered"),
    warning: (event) => {
      const { code, message, cause } = event;
      return log(
        logger,
        "warn",
        () => ({ ...session(event), code, ...given({ err: cause }) }),
        visible(message),
      );
    },
    error: (event) =>
      log(logger, "error", () => ({ ...session(event), err: event.error }), visible(event.error.message)),
    close: (event) => {
      if (isItsEnd(target, event)) closed();
      return log(logger, closeLevel(event), () => ({ ...session(event), reason: event.reason }), "closed");
    },
  };
}

/** The conversation: `C:` what the client sent, `S:` what the server did. Texts are not in it, secrets neither. */
function wireListeners(logger: Logger): Listeners {
  const fields = (event: SentEvent | ReplyEvent) => () => {
    const { groupId, messageId } = event;
    return { ...session(event), groupId, ...given({ messageId }) };
  };
  return {
    sent: (event) => log(logger, "debug", fields(event), `C: ${visible(event.line)}`),
    reply: (event) => {
      const { code, lines } = event.reply;
      const logged = lines.map((line, i) => {
        const separator = i < lines.length - 1 ? "-" : " ";
        return log(logger, "debug", fields(event), `S: ${code}${separator}${visible(line)}`);
      });
      return Promise.all(logged);
    },
  };
}

/** Fields are made only for a level that is on. */
function log(logger: Logger, level: Level, fields: () => object, message: string): unknown {
  if (logger.isLevelEnabled?.(level) === false) return undefined;
  return logger[level](fields(), message);
}

function session({ sessionId }: SessionEvent): { sessionId: string } {
  return { sessionId };
}

function readyFields(event: ReadyEvent, target: ObservationTarget): object {
  const { secure, authenticated, capabilities } = event;
  let server: string | undefined;
  for (const each of target.sessions) if (each.id === event.sessionId) server = serverName(each);
  return {
    ...session(event),
    ...given({ server }),
    secure,
    authenticated,
    capabilities: Array.from(capabilities, ([keyword, parameters]) => `${keyword} ${parameters}`.trimEnd()),
  };
}

function failedFields(event: RecipientFailedEvent): object {
  const { stage, retryable, reply, error } = event;
  return { ...recipient(event), stage, retryable, ...replied(reply), ...given({ err: error }) };
}

function retryFields(event: RetryEvent): object {
  const { messageId, attempt, recipients, error } = event;
  return { ...session(event), messageId, attempt, recipients, ...given({ err: error }) };
}

function unknownFields(event: RecipientUnknownEvent): object {
  return { ...recipient(event), err: event.error };
}

function recipient(event: MessageEvent & { readonly address: string }): object {
  return { ...session(event), messageId: event.messageId, recipient: event.address };
}

function messageFields(event: MessageEndEvent): object {
  const { messageId, delivery, durationMs, waitMs, bytes } = event;
  const { from, succeeded, failed, unknown, reply, error } = delivery;
  return {
    ...session(event),
    messageId,
    from,
    succeeded: succeeded.length,
    failed: failed.length,
    unknown: unknown.length,
    ...replied(reply),
    ...given({ err: error }),
    durationMs,
    waitMs,
    bytes,
  };
}

function groupFields(event: SessionEvent, group: CommandGroup): object {
  const { id, exchanges, errors, durationMs, bytesSent, error } = group;
  return {
    ...session(event),
    groupId: id,
    commands: commandsOf(group).length,
    replies: exchanges.filter(({ reply }) => reply !== undefined).length,
    refused: errors.length,
    durationMs,
    bytesSent,
    ...given({ err: error }),
  };
}

function replied(reply: Reply | undefined): object {
  if (reply === undefined) return {};
  return { code: reply.code, ...given({ enhanced: reply.enhanced }), reply: reply.text };
}

function closeLevel({ reason }: CloseEvent): Level {
  return reason === "quit" || reason === "aborted" ? "info" : "warn";
}

/** The fields that have a value. */
function given(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What controls the display made visible: a server must not be able to forge a line of the log, or to turn one around. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, (character) => {
    const hexadecimal = (character.codePointAt(0) ?? 0).toString(16);
    return hexadecimal.length > 2
      ? `\\u${hexadecimal.padStart(4, "0")}`
      : `\\x${hexadecimal.padStart(2, "0")}`;
  });
}
