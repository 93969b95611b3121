import { type Capabilities, parseCapabilities } from "../protocol/capabilities.ts";
import type { Command } from "../protocol/command.ts";
import { SmtpError } from "../protocol/errors.ts";
import { type Reply, replyClass } from "../protocol/reply.ts";

/** A command to send; its reply comes back into the generator. The greeting is owed without one. */
export interface HandshakeStep {
  readonly command: Command;
  readonly line: string;
}

/** What a session begins with. */
export interface Handshake {
  readonly greeting: Reply;
  readonly capabilities: Capabilities;
}

/**
 * The greeting, EHLO and, where a server refuses that with 5yz, HELO (RFC 5321 §3.2).
 * Each `yield` is one command; its value is the reply.
 */
export function* handshake(name: string): Generator<HandshakeStep, Handshake, Reply> {
  const greeting = yield { command: "greeting", line: "" };
  if (replyClass(greeting) !== 2) {
    throw new SmtpError("ESMTP_GREETING_REFUSED", `The server refuses to talk: ${shown(greeting)}`, {
      command: "greeting",
      reply: greeting,
      retryable: replyClass(greeting) === 4,
    });
  }

  const ehlo = yield { command: "EHLO", line: `EHLO ${name}` };
  if (replyClass(ehlo) === 2) return { greeting, capabilities: parseCapabilities(ehlo) };
  if (replyClass(ehlo) !== 5) throw helloRefused("EHLO", ehlo);

  const helo = yield { command: "HELO", line: `HELO ${name}` };
  if (replyClass(helo) === 2) return { greeting, capabilities: new Map() };
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
