import type { Capabilities } from "../protocol/capabilities.ts";
import { SmtpError } from "../protocol/errors.ts";
import { COMMAND_LINE_OCTETS } from "../protocol/limits.ts";
import { type Reply, replyClass, shown } from "../protocol/reply.ts";
import {
  type Credentials,
  encodeBase64,
  type MechanismName,
  SaslError,
  type SaslExchange,
  type SaslResponse,
} from "../protocol/sasl/exchange.ts";
import { fittingMechanisms, type Mechanism } from "../protocol/sasl/mechanisms.ts";
import { type Asking, command, type Identity, REDACTED } from "./asking.ts";

// AUTH, RFC 4954: one mechanism, the strongest that both sides know. A refusal of the credentials is final; only a
// token is asked for anew, once, since it may have expired. The next mechanism is tried where the server says that
// the mechanism itself is not to be had (504, 534), never because it refused the secret.

/**
 * Authenticates.
 * @returns the mechanism that did it
 * @throws SmtpError `ESMTP_AUTH_UNAVAILABLE`, `ESMTP_AUTH_INSECURE` or `ESMTP_AUTH_FAILED`
 */
export function* authenticate(capabilities: Capabilities, allowInsecure: boolean): Asking<MechanismName> {
  const offered = capabilities.get("AUTH");
  if (offered === undefined) {
    throw new SmtpError(
      "ESMTP_AUTH_UNAVAILABLE",
      "The server does not offer AUTH; is it the port for submission?",
    );
  }
  let identity = yield* whoIsIt(undefined);
  let refusal: Reply | undefined;
  while (identity !== undefined) {
    const outcome = yield* attempt(identity, offered, allowInsecure);
    if (typeof outcome === "string") return outcome;
    const { credentials } = identity;
    identity = undefined;
    const mayHaveExpired = "accessToken" in credentials && replyClass(outcome) === 5;
    if (refusal === undefined && mayHaveExpired) {
      const fresh = yield* whoIsIt(outcome);
      if (fresh !== undefined && !sameToken(fresh.credentials, credentials)) identity = fresh;
    }
    refusal = outcome;
  }
  throw refused(refusal);
}

function* whoIsIt(refusal: Reply | undefined): Asking<Identity | undefined> {
  return (yield { kind: "credentials", refusal }) as Identity | undefined;
}

function sameToken(one: Credentials, other: Credentials): boolean {
  return "accessToken" in one && "accessToken" in other && one.accessToken === other.accessToken;
}

/** The mechanism that succeeded, or the reply that refused the credentials. */
function* attempt(
  identity: Identity,
  offered: string,
  allowInsecure: boolean,
): Asking<MechanismName | Reply> {
  const { credentials, context, verified } = identity;
  const fitting = fittingMechanisms(credentials, offered, context.channelBinding !== undefined);
  const safe = fitting.filter(({ revealing }) => !revealing || verified || allowInsecure);
  if (safe.length === 0) throw noMechanism(fitting, offered);

  let reply: Reply | undefined;
  for (const mechanism of safe) {
    reply = yield* run(mechanism, identity);
    if (replyClass(reply) === 2) return mechanism.name;
    // RFC 4954 §4 and §6: the mechanism is unknown after all, or too weak for this user.
    if (reply.code !== 504 && reply.code !== 534) return reply;
  }
  throw refused(reply);
}

/** One exchange; returns the reply that ended it. */
function* run({ name, begin }: Mechanism, { credentials, context }: Identity): Asking<Reply> {
  const secret = "pass" in credentials ? credentials.pass : credentials.accessToken;
  const exchange = begin(context);
  try {
    let response = yield* nextResponse(exchange, "");
    let reply = yield* begun(name, response, secret);
    for (;;) {
      if (reply.code !== 334) {
        if (replyClass(reply) === 2 && !response.final) {
          throw new SaslError("it does not prove that it knows the password");
        }
        return reply;
      }
      response = yield* nextResponse(exchange, reply.text);
      reply = yield* answer(response.octets, secret);
    }
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    // Out of an exchange that is not over leads only this (RFC 4954 §4).
    yield* command("AUTH", "*");
    throw new SmtpError("ESMTP_AUTH_FAILED", `AUTH ${name} with the server failed: ${error.message}`, {
      command: "AUTH",
    });
  }
}

function* begun(name: MechanismName, { octets }: SaslResponse, secret: string): Asking<Reply> {
  const line = `AUTH ${name}`;
  if (octets === undefined) return yield* command("AUTH", line);
  const initial = `${line} ${encodeBase64(octets) || "="}`;
  if (initial.length + 2 <= COMMAND_LINE_OCTETS) {
    return yield* command("AUTH", initial, {
      shown: `${line} ${REDACTED}`,
      secrets: [secret, encodeBase64(octets)],
    });
  }
  // RFC 4954 §4: the command may not be longer than others are, a response may.
  const reply = yield* command("AUTH", line);
  return reply.code === 334 ? yield* answer(octets, secret) : reply;
}

function answer(octets: Uint8Array | undefined, secret: string): Asking<Reply> {
  const line = encodeBase64(octets ?? new Uint8Array());
  return command("AUTH", line, { shown: line && REDACTED, secrets: [secret, line] });
}

/** What the mechanism says to a challenge; the keys that it needs for that are derived on the way. */
function* nextResponse(exchange: SaslExchange, challenge: string): Asking<SaslResponse> {
  let said = exchange.next(challenge);
  while (!said.done && said.value.kind === "derive") said = exchange.next((yield said.value) as Uint8Array);
  if (said.done || said.value.kind === "derive") {
    throw new SaslError("it asks for more than the mechanism has");
  }
  return said.value;
}

function refused(reply: Reply | undefined): SmtpError {
  const why = reply === undefined ? "it took no mechanism" : shown(reply);
  return new SmtpError("ESMTP_AUTH_FAILED", `The server refuses the credentials: ${why}`, {
    command: "AUTH",
    reply,
    retryable: reply !== undefined && replyClass(reply) === 4,
  });
}

function noMechanism(fitting: readonly Mechanism[], offered: string): SmtpError {
  if (fitting.length > 0) {
    const names = fitting.map(({ name }) => name).join(", ");
    const message = `${names} would show the secret, and no verified TLS protects it: use tls "required" or "implicit"`;
    return new SmtpError("ESMTP_AUTH_INSECURE", message, { command: "AUTH" });
  }
  const message = `No mechanism fits the credentials; the server offers ${offered || "none"}`;
  return new SmtpError("ESMTP_AUTH_UNAVAILABLE", message, { command: "AUTH" });
}
