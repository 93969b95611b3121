import { createHmac } from "node:crypto";

/** With what the tests sign access tokens, and Dovecot checks them: a secret of nobody. */
export const TOKEN_KEY = "a key of the tests, a secret of nobody";

/** An access token (JWT, RFC 7519) for a user, good for an hour. */
export function accessToken(user: string): string {
  const now = Math.floor(Date.now() / 1_000);
  const signed = [
    { alg: "HS256", typ: "JWT" },
    { sub: user, iat: now, exp: now + 3_600 },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${signed}.${createHmac("sha256", TOKEN_KEY).update(signed).digest("base64url")}`;
}
