import { type Capabilities, parseCapabilities } from "../protocol/capabilities.ts";
import type { Command } from "../protocol/command.ts";
import { SmtpError } from "../protocol/errors.ts";
import { type Reply, replyClass } from "../protocol/reply.ts";

/** A command to send; its reply comes back into the generator. The greeting is owed without one. */
export interface HandshakeStep {
  readonly command: Command;
  readonly line: string;
}

/** No command: TLS is put on the connection here. The value is not looked at. */
export const UPGRADE: HandshakeStep = { command: "", line: "" };

/** What a session begins with. */
export interface Handshake {
  readonly greeting: Reply;
  readonly capabilities: Capabilities;
  /** The reply that refused STARTTLS, where the session goes on without. */
  readonly refusedTls?: Reply;
}

/** Whether STARTTLS is to be used: not at all (or TLS stands), where it is offered, or it must be. */
export type StartTls = "off" | "opportunistic" | "required";

/**
 * The greeting, EHLO and, where a server refuses that with 5yz, HELO (RFC 5321 §3.2); STARTTLS as wanted (RFC 3207).
 * Each `yield` is one command; its value is the reply.
 */
export function* handshake(name: string, tls: StartTls): Generator<HandshakeStep, Handshake, Reply> {
  const greeting = yield { command: "greeting", line: "" };
  if (replyClass(greeting) !== 2) {
    throw new SmtpError("ESMTP_GREETING_REFUSED", `The server refuses to talk: ${shown(greeting)}`, {
      command: "greeting",
      reply: greeting,
      retryable: replyClass(greeting) === 4,
    });
  }

  const capabilities = yield* hello(name);
  if (tls === "off") return { greeting, capabilities };
  if (!capabilities.has("STARTTLS")) {
    if (tls === "opportunistic") return { greeting, capabilities };
    throw new SmtpError("ESMTP_TLS_UNAVAILABLE", "TLS is required, and the server does not offer STARTTLS");
  }
  const reply = yield { command: "STARTTLS", line: "STARTTLS" };
  if (reply.code !== 220) {
    if (tls === "opportunistic" && reply.code !== 421) return { greeting, capabilities, refusedTls: reply };
    throw new SmtpError("ESMTP_TLS_UNAVAILABLE", `The server refuses STARTTLS: ${shown(reply)}`, {
      command: "STARTTLS",
      reply,
      retryable: replyClass(reply) === 4,
    });
  }
  yield UPGRADE;
  // RFC 3207 §4.2: what was learnt in plain text is forgotten.
  return { greeting, capabilities: yield* hello(name) };
}

function* hello(name: string): Generator<HandshakeStep, Capabilities, Reply> {
  const ehlo = yield { command: "EHLO", line: `EHLO ${name}` };
  if (replyClass(ehlo) === 2) return parseCapabilities(ehlo);
  if (replyClass(ehlo) !== 5) throw helloRefused("EHLO", ehlo);

  const helo = yield { command: "HELO", line: `HELO ${name}` };
  if (replyClass(helo) === 2) return new Map();
  throw helloRefused("HELO", helo);
}

function helloRefused(command: string, reply: Reply): SmtpError {
  return new SmtpError("ESMTP_HELLO_REFUSED", `The server refuses ${command}: ${shown(reply)}`, {
    command,
    reply,
    retryable: replyClass(reply) === 4,
  });
}

/** A reply as one line for an error message. */
export function shown(reply: Reply): string {
  return `${reply.code} ${reply.lines.join(" / ")}`.trimEnd();
}
