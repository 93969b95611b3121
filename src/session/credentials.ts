import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { hasControlCharacter } from "../protocol/address.ts";
import { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Credentials, Derivation, MechanismName } from "../protocol/sasl/exchange.ts";
import { MECHANISMS } from "../protocol/sasl/mechanisms.ts";
import { causeText, isRecord } from "./check.ts";

/** What a function that gives credentials is told. */
export interface CredentialsRequest {
  readonly host: string;
  /** The reply that refused the token given before: a fresh one is needed. Undefined at first. */
  readonly refusal: Reply | undefined;
  /** Fires when the session is over, and nobody waits any more. */
  readonly signal: AbortSignal;
}

/**
 * Who authenticates: a user with a password or an OAuth 2.0 access token, or a function that returns that (or a promise
 * of it). The function is called for each connection, and once more if its token is refused.
 */
export type Auth = Credentials | ((request: CredentialsRequest) => Credentials | Promise<Credentials>);

const AUTH = "auth.";
const NAMES: readonly string[] = ["user", "pass", "accessToken", "mechanisms"];

/**
 * Why something is no credentials; undefined if it is. Never shows a value: it may be the secret. Begins with the
 * field's name where it is about one.
 */
function credentialsProblem(value: unknown): string | undefined {
  if (!isRecord(value)) return "must be an object with user and pass, or user and accessToken";
  for (const name of Object.keys(value)) {
    if (!NAMES.includes(name)) return `${AUTH}${name} is unknown; known are ${NAMES.join(", ")}`;
  }
  const { user, pass, accessToken, mechanisms } = value;
  if ((pass === undefined) === (accessToken === undefined)) return "must have either pass or accessToken";
  const secret = pass === undefined ? "accessToken" : "pass";
  for (const [name, text] of [
    ["user", user],
    [secret, pass ?? accessToken],
  ] as const) {
    if (typeof text !== "string") return `${AUTH}${name} must be a string`;
    if (text === "") return `${AUTH}${name} must have a character`;
    if (hasControlCharacter(text)) return `${AUTH}${name} must have no control character`;
  }
  if (mechanisms === undefined) return undefined;
  const known: readonly unknown[] = MECHANISMS;
  if (
    !Array.isArray(mechanisms) ||
    mechanisms.length === 0 ||
    !mechanisms.every((each) => known.includes(each))
  ) {
    return `${AUTH}mechanisms must be an array of some of ${MECHANISMS.join(", ")}`;
  }
  return undefined;
}

/** A copy: what the caller does to it later is not meant. */
function copied(value: Record<string, unknown>): Credentials {
  const { user, pass, accessToken, mechanisms } = value;
  return {
    user: String(user),
    ...(Array.isArray(mechanisms) && { mechanisms: mechanisms.slice() as MechanismName[] }),
    ...(pass === undefined ? { accessToken: String(accessToken) } : { pass: String(pass) }),
  };
}

/** Reads the option `auth`. @throws TypeError that names the field, and shows no value */
export function readAuth(value: unknown): Auth {
  if (typeof value === "function") return value as Auth;
  const problem = credentialsProblem(value);
  if (problem?.startsWith(AUTH)) throw new TypeError(problem);
  if (problem !== undefined) throw new TypeError(`options.auth ${problem}`);
  return copied(value as Record<string, unknown>);
}

/**
 * Asks for the credentials of a connection.
 * @returns undefined where a token was refused and there can be no other
 * @throws SmtpError `ESMTP_CREDENTIALS`
 */
export async function askForCredentials(
  given: Auth,
  request: CredentialsRequest,
): Promise<Credentials | undefined> {
  if (typeof given !== "function") return request.refusal === undefined ? given : undefined;
  let value: unknown;
  try {
    value = await given(request);
  } catch (cause) {
    const message = `The function that gives the credentials failed: ${causeText(cause)}`;
    throw new SmtpError("ESMTP_CREDENTIALS", message, { command: "AUTH", retryable: true, cause });
  }
  const problem = credentialsProblem(value);
  if (problem !== undefined) {
    throw new SmtpError(
      "ESMTP_CREDENTIALS",
      `What the function given as the option auth returned is no credentials: ${problem}`,
      {
        command: "AUTH",
      },
    );
  }
  return copied(value as Record<string, unknown>);
}

const pbkdf2Async = promisify(pbkdf2);

/** The salted password of SCRAM: some milliseconds of work, not done on this thread. */
export function derive({ digest, password, salt, iterations }: Derivation): Promise<Uint8Array> {
  return pbkdf2Async(password, salt, iterations, digest === "sha1" ? 20 : 32, digest);
}
