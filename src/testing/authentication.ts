/** Says a challenge, and returns what the client answers, each without base64; undefined if it cancels or is gone. */
export type Challenge = (challenge: string) => Promise<string | undefined>;

/** The mechanisms of a test server, as its EHLO reply offers them. */
export const OFFERED = "AUTH PLAIN LOGIN";

/**
 * Runs AUTH PLAIN (RFC 4616) or LOGIN.
 * @returns who has authenticated, or the reply that refuses it
 */
export async function authenticate(
  line: string,
  accounts: Readonly<Record<string, string>>,
  challenge: Challenge,
): Promise<{ readonly user: string } | { readonly refusal: string }> {
  const [, mechanism = "", initial] = line.split(" ");
  const first = initial === undefined ? undefined : decode(initial);
  let user: string | undefined;
  let password: string | undefined;
  if (mechanism.toUpperCase() === "PLAIN") {
    [, user, password] = ((first ?? (await challenge(""))) || "").split("\0");
  } else if (mechanism.toUpperCase() === "LOGIN") {
    user = first ?? (await challenge("Username:"));
    password = user === undefined ? undefined : await challenge("Password:");
  } else {
    return { refusal: "504 5.5.4 no such mechanism" };
  }
  if (user === undefined || password === undefined) return { refusal: "501 5.0.0 cancelled" };
  const known = Object.hasOwn(accounts, user) && accounts[user] === password;
  return known ? { user } : { refusal: "535 5.7.8 bad credentials" };
}

function decode(base64: string): string {
  return base64 === "=" ? "" : Buffer.from(base64, "base64").toString("utf8");
}
