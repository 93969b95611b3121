import type { Command } from "../protocol/command.ts";
import { SmtpError } from "../protocol/errors.ts";
import type { Timeouts } from "../protocol/limits.ts";
import { type Reply, replyClass, shown } from "../protocol/reply.ts";
import type { PeerWarning } from "./observer.ts";

// What can be said of a command or a reply without knowing the state of the pipeline.

/** RFC 2920 §3.1 and RFC 3030 §4.2: any other command may only end a group. A text ends with ".", which may have others behind it. */
export const PIPELINED: ReadonlySet<Command> = new Set(["MAIL", "RCPT", "RSET", "BDAT", "text"]);

/** Whether a reply can answer a command at all: 1yz never, 3yz only DATA and AUTH, DATA not 2yz (RFC 5321 §4.3.2). */
export function fits(command: Command, reply: Reply): boolean {
  const first = replyClass(reply);
  if (first === 1) return false;
  if (command === "DATA") return first !== 2;
  return first !== 3 || (command === "AUTH" && reply.code === 334);
}

/** An EHLO reply can't be mistaken for one to RSET, MAIL, RCPT or DATA: PIPELINING stands among its lines. */
export function isMarker(reply: Reply): boolean {
  return reply.code === 250 && reply.lines.some((line, i) => i > 0 && /^pipelining\s*$/i.test(line));
}

/** Whether an error says that replies may have been taken for those to other commands. */
export function misread(error: SmtpError): boolean {
  return error.code === "ESMTP_OUT_OF_STEP" || error.code === "ESMTP_FOLLOW_ON";
}

/** How long a command may go unanswered, in milliseconds. */
export function timeoutOf(command: Command, timeouts: Timeouts): number {
  switch (command) {
    case "greeting":
      return timeouts.greeting;
    case "MAIL":
      return timeouts.mail;
    case "RCPT":
      return timeouts.rcpt;
    case "DATA":
      return timeouts.data;
    case "text":
    case "BDAT":
      return timeouts.message;
    case "QUIT":
      return timeouts.closing;
    default:
      return timeouts.command;
  }
}

/** The server said that it hangs up. */
export function serverClosing(reply: Reply): SmtpError {
  return new SmtpError("ESMTP_SERVER_CLOSING", `The server closes the session: ${shown(reply)}`, {
    reply,
    retryable: true,
  });
}

/**
 * Whether a refusal of RCPT may mean that the transaction has recipients enough (RFC 5321 §4.5.3.1.10): what has an
 * enhanced code says by that whether it does (RFC 3463 §3.6).
 */
export function tooManyRecipients(reply: Reply): boolean {
  return (reply.code === 452 || reply.code === 552) && (reply.enhanced?.endsWith(".5.3") ?? true);
}

/** LIMITS MAILMAX is reached, and there is more to send. */
export function mailLimit(mails: number): SmtpError {
  const message = `The server takes ${mails} messages of one session (LIMITS MAILMAX), and these are sent`;
  return new SmtpError("ESMTP_MAIL_LIMIT", message, { retryable: true });
}

/** MAIL was answered 530. */
export function authRequired(reply: Reply): SmtpError {
  return new SmtpError("ESMTP_AUTH_REQUIRED", `The server wants authentication: ${shown(reply)}`, {
    command: "MAIL",
    reply,
    retryable: true,
  });
}

/** MAIL was refused and DATA answered 354. */
export function wrongTransaction(reply: Reply): SmtpError {
  return new SmtpError(
    "ESMTP_WRONG_TRANSACTION",
    "The server refused MAIL and asked for the text all the same; the connection was closed without it",
    { command: "DATA", reply, retryable: true },
  );
}

/** A reply to a text that is not finished. */
export function earlyReply(reply: Reply): SmtpError {
  return new SmtpError(
    "ESMTP_EARLY_REPLY",
    `The server answered ${shown(reply)} before the text was finished`,
    {
      command: "text",
      reply,
      retryable: true,
    },
  );
}

/** A reply that nothing asked for, or that can't answer what did. */
export function outOfStep(reply: Reply, command: Command | undefined): SmtpError {
  const what = command === undefined ? "which no command asked for" : `which can't answer ${command}`;
  return new SmtpError("ESMTP_OUT_OF_STEP", `The server sent ${JSON.stringify(shown(reply))}, ${what}`, {
    command,
    reply,
    retryable: true,
  });
}

/** A text was taken whose envelope was refused, or a part of which was. */
export function wrongText(reply: Reply): SmtpError {
  return new SmtpError(
    "ESMTP_OUT_OF_STEP",
    `The server answered ${shown(reply)} to a text whose envelope, or a part of which, it had refused`,
    { command: "BDAT", reply, retryable: true },
  );
}

/** The server runs as commands the octets of a text that it refuses, or says too much or too little. */
export function probeFailed(): SmtpError {
  return new SmtpError(
    "ESMTP_OUT_OF_STEP",
    "The server offers CHUNKING and ran the octets of a refused BDAT as commands: the connection was closed before any text",
    { command: "BDAT", retryable: true },
  );
}

/** A text turns out larger than what the server takes. */
export function tooLarge(octets: number, most: number): SmtpError {
  const message = `The message has ${octets} octets or more, the server takes ${most} (SIZE)`;
  return new SmtpError("ESMTP_SIZE_EXCEEDED", message);
}

/** A text was asked for whose envelope was sent to a server that is not as it was. */
export function earlyMismatch(reply: Reply): SmtpError {
  return new SmtpError(
    "ESMTP_EARLY_MISMATCH",
    "The server has changed since the last connection, and asked for the text of what had been sent to it early; the connection was closed without it",
    { command: "DATA", reply, retryable: true },
  );
}

/** LMTP: a text was asked for that nobody may receive. */
export function nobodyAccepted(reply: Reply): SmtpError {
  return new SmtpError(
    "ESMTP_OUT_OF_STEP",
    "The server accepted no recipient and asked for the text all the same; LMTP promises no reply to that, so the connection was closed",
    { command: "DATA", reply, retryable: true },
  );
}

/** What was pipelined behind a text went wrong. */
export function followOnFailed(what: string): SmtpError {
  return new SmtpError(
    "ESMTP_FOLLOW_ON",
    `The server mishandled what was pipelined behind a message's text: ${what}`,
    {
      retryable: true,
    },
  );
}

/** The connection ended. */
export function connectionLost(command: Command | undefined, cause: unknown): SmtpError {
  const why = cause instanceof Error ? cause.message : "the server closed it";
  return new SmtpError("ESMTP_CONNECTION_LOST", `The connection was lost: ${why}`, {
    command,
    retryable: true,
    cause,
  });
}

/** A deadline passed. */
export function timedOut(what: string, command: Command): SmtpError {
  return new SmtpError("ESMTP_TIMEOUT", `The server is too slow: ${what}`, { command, retryable: true });
}

/** The function that gives the credentials does not come back. */
export function credentialsTimedOut(): SmtpError {
  const message = "The credentials did not come in time: see the function given as the option auth";
  return new SmtpError("ESMTP_TIMEOUT", message, { command: "AUTH", retryable: true });
}

/** Somebody spoke in plain text where TLS was due. */
export function injected(): SmtpError {
  return new SmtpError(
    "ESMTP_TLS_INJECTION",
    "Something was sent in plain text behind the 220 that answers STARTTLS; somebody may be on the path",
    { command: "STARTTLS", retryable: true },
  );
}

/** The warning for an opportunistic session that goes on in plain text. */
export function startTlsRefused(reply: Reply): PeerWarning {
  return {
    code: "ESMTP_STARTTLS_REFUSED",
    message: `The server offers STARTTLS and refuses it (${shown(reply)}): the session goes on in plain text`,
  };
}
