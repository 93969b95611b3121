import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { SCRAM_ITERATIONS_LEAST, SCRAM_ITERATIONS_MOST } from "../limits.ts";
import {
  type ChannelBinding,
  type Derivation,
  decodeChallenge,
  type PasswordCredentials,
  respond,
  type SaslContext,
  SaslError,
  type SaslExchange,
} from "./exchange.ts";
import { saslPrep } from "./saslprep.ts";

/** How an exchange stands to channel binding, RFC 5802 §6. */
type Binding =
  | { readonly kind: "bound"; readonly to: ChannelBinding }
  /** We could, and the server did not offer it: should it be able to, somebody altered its offer. */
  | { readonly kind: "unoffered" }
  /** There is nothing to bind to, or the caller does not want it where the server does offer it. */
  | { readonly kind: "without" };

/**
 * SCRAM, RFC 5802 and 7677: neither side shows the password, and each proves that it knows it.
 * @param plus whether the mechanism is the one that ends in `-PLUS`; if not, whether the server offers that too
 * @throws SaslError where the server does not keep to it, or does not know the password
 */
export function* scram(
  digest: Derivation["digest"],
  plus: "bound" | "offered" | "unoffered",
  { user, pass }: PasswordCredentials,
  context: SaslContext,
): SaslExchange {
  const header = gs2Header(binding(plus, context));
  const clientFirst = `n=${saslName(saslPrep(user))},r=${context.nonce}`;
  const serverFirst = decodeChallenge(yield* respond(header.text + clientFirst, false)).toString();
  const { nonce, salt, iterations } = readServerFirst(serverFirst, context.nonce);

  const derived = yield { kind: "derive", digest, password: saslPrep(pass), salt, iterations };
  const salted = typeof derived === "string" ? Buffer.alloc(0) : derived;
  const hmac = (key: Uint8Array, text: string): Buffer => createHmac(digest, key).update(text).digest();

  const withoutProof = `c=${header.octets.toString("base64")},r=${nonce}`;
  const authMessage = `${clientFirst},${serverFirst},${withoutProof}`;
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash(digest).update(clientKey).digest();
  const signature = hmac(storedKey, authMessage);
  const proof = Buffer.from(clientKey.map((octet, i) => octet ^ (signature[i] ?? 0)));

  const serverFinal = decodeChallenge(
    yield* respond(`${withoutProof},p=${proof.toString("base64")}`, false),
  ).toString();
  checkServerFinal(serverFinal, hmac(hmac(salted, "Server Key"), authMessage));
  yield* respond("", true);
}

/** A user's name as it stands between commas, RFC 5802 §5.1. */
export function saslName(user: string): string {
  return user.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

function binding(plus: "bound" | "offered" | "unoffered", { channelBinding }: SaslContext): Binding {
  if (channelBinding === undefined || plus === "offered") return { kind: "without" };
  return plus === "bound" ? { kind: "bound", to: channelBinding } : { kind: "unoffered" };
}

function gs2Header(stand: Binding): { text: string; octets: Buffer } {
  if (stand.kind !== "bound") {
    const text = stand.kind === "unoffered" ? "y,," : "n,,";
    return { text, octets: Buffer.from(text) };
  }
  const text = `p=${stand.to.type},,`;
  return { text, octets: Buffer.concat([Buffer.from(text), stand.to.data]) };
}

function readServerFirst(
  message: string,
  ownNonce: string,
): { nonce: string; salt: Uint8Array; iterations: number } {
  const [, nonce, salt, count] =
    /^r=([\x21-\x2b\x2d-\x7e]+),s=([^,]+),i=(\d{1,9})(?:,|$)/.exec(message) ?? [];
  if (nonce === undefined || salt === undefined || count === undefined) {
    throw new SaslError("its first message is not one of SCRAM");
  }
  // RFC 5802 §5.1: else it might be another conversation's.
  if (!nonce.startsWith(ownNonce) || nonce === ownNonce)
    throw new SaslError("its nonce does not continue ours");
  const iterations = Number(count);
  if (iterations < SCRAM_ITERATIONS_LEAST || iterations > SCRAM_ITERATIONS_MOST) {
    throw new SaslError(
      `it wants ${iterations} iterations; from ${SCRAM_ITERATIONS_LEAST} to ${SCRAM_ITERATIONS_MOST} are done`,
    );
  }
  return { nonce, salt: decodeChallenge(salt), iterations };
}

function checkServerFinal(message: string, expected: Buffer): void {
  const [, error] = /^e=([\w-]{1,60})/.exec(message) ?? [];
  if (error !== undefined) throw new SaslError(error);
  const [, verifier = ""] = /^v=([^,]+)/.exec(message) ?? [];
  const given = decodeChallenge(verifier);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new SaslError("it does not prove that it knows the password");
  }
}
