import { type Capabilities, parseCapabilities } from "../protocol/capabilities.ts";
import { SmtpError } from "../protocol/errors.ts";
import { type Reply, replyClass, shown } from "../protocol/reply.ts";
import type { MechanismName } from "../protocol/sasl/exchange.ts";
import { type Xclient, xclientLacking, xclientLines } from "../protocol/xclient.ts";
import { type Asking, command } from "./asking.ts";
import { authenticate } from "./authentication.ts";

/** What a session begins with. */
export interface Handshake {
  readonly greeting: Reply;
  readonly capabilities: Capabilities;
  /** Whether these are what the server offers first of all: neither STARTTLS nor XCLIENT came between. */
  readonly offeredFirst: boolean;
  /** The reply that refused STARTTLS, where the session goes on without. */
  readonly refusedTls?: Reply | undefined;
  /** How the session authenticated. */
  readonly mechanism?: MechanismName | undefined;
}

/** What is spoken: SMTP, or LMTP (RFC 2033), which begins with LHLO and answers a text once per recipient. */
export type Protocol = "smtp" | "lmtp";

/** What is to be said before the first transaction. */
export interface HandshakePlan {
  /** The name in EHLO or LHLO. */
  readonly name: string;
  /** Whether STARTTLS is to be used: not at all (or TLS stands), where it is offered, or it must be. */
  readonly tls: "off" | "opportunistic" | "required";
  readonly authenticate: boolean;
  /** Whether a mechanism may show the secret without verified TLS. */
  readonly allowInsecureAuth: boolean;
  readonly xclient: Xclient | undefined;
}

/**
 * The greeting, EHLO and, where a server refuses that with 5yz, HELO (RFC 5321 §3.2), or in LMTP nothing but LHLO;
 * STARTTLS (RFC 3207), XCLIENT and AUTH (RFC 4954) as wanted. Each `yield` is one command or need; its value is the
 * reply or answer.
 */
export function* handshake(plan: HandshakePlan, protocol: Protocol): Asking<Handshake> {
  const greeting = yield* command("greeting", "");
  if (replyClass(greeting) !== 2) {
    throw new SmtpError("ESMTP_GREETING_REFUSED", `The server refuses to talk: ${shown(greeting)}`, {
      command: "greeting",
      reply: greeting,
      retryable: replyClass(greeting) === 4,
    });
  }
  const first = yield* hello(plan.name, protocol);
  let capabilities = first;
  const refusedTls = yield* startTls(plan.tls, capabilities);
  // RFC 3207 §4.2: what was learnt in plain text is forgotten.
  if (refusedTls === "secured") capabilities = yield* hello(plan.name, protocol);
  if (plan.xclient !== undefined) {
    yield* speakFor(plan.xclient, capabilities);
    capabilities = yield* hello(plan.name, protocol);
  }
  const mechanism = plan.authenticate ? yield* authenticate(capabilities, plan.allowInsecureAuth) : undefined;
  return {
    greeting,
    capabilities,
    offeredFirst: capabilities === first,
    mechanism,
    refusedTls: refusedTls === "secured" ? undefined : refusedTls,
  };
}

/** Returns the reply that refused STARTTLS, undefined where it was not asked for. */
function* startTls(
  tls: HandshakePlan["tls"],
  capabilities: Capabilities,
): Asking<Reply | "secured" | undefined> {
  if (tls === "off") return undefined;
  if (!capabilities.has("STARTTLS")) {
    if (tls === "opportunistic") return undefined;
    throw new SmtpError("ESMTP_TLS_UNAVAILABLE", "TLS is required, and the server does not offer STARTTLS");
  }
  const reply = yield* command("STARTTLS", "STARTTLS");
  if (reply.code !== 220) {
    if (tls === "opportunistic" && reply.code !== 421) return reply;
    throw new SmtpError("ESMTP_TLS_UNAVAILABLE", `The server refuses STARTTLS: ${shown(reply)}`, {
      command: "STARTTLS",
      reply,
      retryable: replyClass(reply) === 4,
    });
  }
  yield { kind: "upgrade" };
  return "secured";
}

/** XCLIENT: what the server says to it is a greeting, and the session begins anew. */
function* speakFor(xclient: Xclient, capabilities: Capabilities): Asking<void> {
  const offered = capabilities.get("XCLIENT");
  if (offered === undefined)
    throw new SmtpError("ESMTP_XCLIENT", "The server does not offer XCLIENT to this client");
  const lacking = xclientLacking(xclient, offered);
  if (lacking.length > 0) {
    throw new SmtpError(
      "ESMTP_XCLIENT",
      `The server's XCLIENT takes no ${lacking.join(", no ")}, only ${offered}`,
    );
  }
  for (const line of xclientLines(xclient)) {
    const reply = yield* command("XCLIENT", line);
    if (replyClass(reply) !== 2) {
      throw new SmtpError("ESMTP_XCLIENT", `The server refuses XCLIENT: ${shown(reply)}`, {
        command: "XCLIENT",
        reply,
        retryable: replyClass(reply) === 4,
      });
    }
  }
}

function* hello(name: string, protocol: Protocol): Asking<Capabilities> {
  const verb = protocol === "lmtp" ? "LHLO" : "EHLO";
  const reply = yield* command(verb, `${verb} ${name}`);
  if (replyClass(reply) === 2) return parseCapabilities(reply);
  // RFC 2033 §4.1: HELO has no place in LMTP.
  if (replyClass(reply) !== 5 || protocol === "lmtp") throw helloRefused(verb, reply);

  const helo = yield* command("HELO", `HELO ${name}`);
  if (replyClass(helo) === 2) return new Map();
  throw helloRefused("HELO", helo);
}

function helloRefused(verb: string, reply: Reply): SmtpError {
  return new SmtpError("ESMTP_HELLO_REFUSED", `The server refuses ${verb}: ${shown(reply)}`, {
    command: verb,
    reply,
    retryable: replyClass(reply) === 4,
  });
}
