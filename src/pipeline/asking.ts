import type { Command } from "../protocol/command.ts";
import { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Credentials, Derivation, SaslContext } from "../protocol/sasl/exchange.ts";

/** A command to send; its reply comes back into the generator. The greeting is owed without one. */
export interface HandshakeCommand {
  readonly kind: "command";
  readonly command: Command;
  readonly line: string;
  /** What is shown of the line where it has a secret. */
  readonly shown?: string;
  /** What must not be shown of its reply, should the server repeat it. */
  readonly secrets?: readonly string[];
}

/** What only the shell can do: its answer comes back into the generator. */
export type HandshakeNeed =
  /** TLS is put on the connection. Answered with nothing. */
  | { readonly kind: "upgrade" }
  /** Who authenticates; `refusal` answered the token before. Answered with undefined where there is no other. */
  | { readonly kind: "credentials"; readonly refusal: Reply | undefined }
  | Derivation;

export type HandshakeAnswer = Reply | Identity | Uint8Array | undefined;

/** A part of a handshake. */
export type Asking<T> = Generator<HandshakeCommand | HandshakeNeed, T, HandshakeAnswer>;

/** Who is to be authenticated, over what connection. */
export interface Identity {
  readonly credentials: Credentials;
  /** Whether TLS protects the connection, and the server's certificate was verified. */
  readonly verified: boolean;
  readonly context: SaslContext;
}

/** What is shown in place of a secret. */
export const REDACTED = "***";

/** Says a command, and returns its reply. */
export function* command(
  verb: Command,
  line: string,
  secret: Pick<HandshakeCommand, "shown" | "secrets"> = {},
): Asking<Reply> {
  return (yield { kind: "command", command: verb, line, ...secret }) as Reply;
}

/** A reply without what the server may have repeated of a secret. */
export function redacted(reply: Reply, secrets: readonly string[]): Reply {
  const text = hide(reply.text, secrets);
  return text === reply.text
    ? reply
    : { ...reply, lines: reply.lines.map((line) => hide(line, secrets)), text };
}

/** The same for an error that shows what the server sent: of that a part, and escaped, so a secret in it can't be found. */
export function redactedError(error: SmtpError, secrets: readonly string[]): SmtpError {
  if (error.code !== "ESMTP_MALFORMED_REPLY" || secrets.length === 0) return error;
  const { code, command: verb, retryable } = error;
  const message =
    "The server sent what is no SMTP reply to AUTH; it is not shown, as it may repeat what is secret";
  return new SmtpError(code, message, { command: verb, retryable });
}

/** So much of a secret's beginning is not shown either: servers repeat lines cut short. */
const TELLING = 8;

function hide(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => (secret === "" ? rest : hideOne(rest, secret)), text);
}

function hideOne(text: string, secret: string): string {
  const beginning = secret.slice(0, TELLING);
  let hidden = "";
  let from = 0;
  for (let at = text.indexOf(beginning); at !== -1; at = text.indexOf(beginning, from)) {
    let length = beginning.length;
    while (length < secret.length && text[at + length] === secret[length]) length++;
    hidden += text.slice(from, at) + REDACTED;
    from = at + length;
  }
  return hidden + text.slice(from);
}
