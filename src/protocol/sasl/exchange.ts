/** Who authenticates, and how. What is secret in it is never shown. */
export type Credentials = PasswordCredentials | TokenCredentials;

export interface PasswordCredentials {
  readonly user: string;
  readonly pass: string;
  /** The only mechanisms that may be used, e.g. `["SCRAM-SHA-256"]`. Default: the strongest that the server offers. */
  readonly mechanisms?: readonly MechanismName[] | undefined;
}

export interface TokenCredentials {
  readonly user: string;
  /** An OAuth 2.0 access token. */
  readonly accessToken: string;
  readonly mechanisms?: readonly MechanismName[] | undefined;
}

/** A SASL mechanism that a session knows. Those that end in `-PLUS` are bound to the TLS connection, RFC 5056. */
export type MechanismName =
  | "SCRAM-SHA-256-PLUS"
  | "SCRAM-SHA-256"
  | "SCRAM-SHA-1-PLUS"
  | "SCRAM-SHA-1"
  | "CRAM-MD5"
  | "OAUTHBEARER"
  | "XOAUTH2"
  | "PLAIN"
  | "LOGIN";

/** What of a TLS connection an authentication can be bound to. */
export interface ChannelBinding {
  /** RFC 9266. */
  readonly type: "tls-exporter";
  readonly data: Uint8Array;
}

/** What an exchange may need beside the credentials. */
export interface SaslContext {
  readonly host: string;
  readonly port: number;
  /** What nobody can guess, of printable ASCII characters without a comma; for one exchange. */
  readonly nonce: string;
  /** Undefined where there is nothing to bind to. */
  readonly channelBinding: ChannelBinding | undefined;
}

/** A salted password to be derived: PBKDF2, RFC 8018 §5.2, as long as the digest. It takes too long to be done here. */
export interface Derivation {
  readonly kind: "derive";
  readonly digest: "sha1" | "sha256";
  readonly password: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** What a client says next. The value that comes back is the server's challenge as it was sent, in base64. */
export interface SaslResponse {
  readonly kind: "respond";
  /** Undefined: the server speaks first. */
  readonly octets: Uint8Array | undefined;
  /** Only behind such a response may the server say that it was a success. */
  readonly final: boolean;
}

/** The exchange of one mechanism: what it yields is to be sent or derived; what comes back is a challenge or a key. */
export type SaslExchange = Generator<SaslResponse | Derivation, void, string | Uint8Array>;

/** The server does not keep to the mechanism, or did not prove that it knows the password. */
export class SaslError extends Error {}

/** Says something, and returns the challenge that comes back. */
export function* respond(
  text: string | undefined,
  final: boolean,
): Generator<SaslResponse, string, string | Uint8Array> {
  const octets = text === undefined ? undefined : Buffer.from(text);
  const challenge = yield { kind: "respond", octets, final };
  return typeof challenge === "string" ? challenge : "";
}

/** The octets of a challenge. @throws SaslError */
export function decodeChallenge(challenge: string): Buffer {
  if (!/^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(challenge)) {
    throw new SaslError("its challenge is no base64");
  }
  return Buffer.from(challenge, "base64");
}

/** A response as it is sent. */
export function encodeBase64(octets: Uint8Array): string {
  return Buffer.from(octets).toString("base64");
}
