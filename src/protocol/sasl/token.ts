import { respond, type SaslContext, type SaslExchange, type TokenCredentials } from "./exchange.ts";
import { saslName } from "./scram.ts";

// The mechanisms that show a token. Refused, the server explains itself in a challenge (JSON) before it says so:
// that challenge is to be answered with what means nothing.

/** Google's and Microsoft's, older than RFC 7628. */
export function* xoauth2({ user, accessToken }: TokenCredentials): SaslExchange {
  yield* respond(`user=${user}\x01auth=Bearer ${accessToken}\x01\x01`, true);
  yield* respond("", false);
}

/** RFC 7628 §3.1. */
export function* oauthBearer(
  { user, accessToken }: TokenCredentials,
  { host, port }: SaslContext,
): SaslExchange {
  yield* respond(
    `n,a=${saslName(user)},\x01host=${host}\x01port=${port}\x01auth=Bearer ${accessToken}\x01\x01`,
    true,
  );
  yield* respond("\x01", false);
}
