import { createHmac } from "node:crypto";
import { decodeChallenge, type PasswordCredentials, respond, type SaslExchange } from "./exchange.ts";

// The mechanisms that prove a password without proof from the server.

/** RFC 4616. */
export function* plain({ user, pass }: PasswordCredentials): SaslExchange {
  yield* respond(`\0${user}\0${pass}`, true);
}

/** draft-murchison-sasl-login: two prompts, whose words differ from server to server and decide nothing. */
export function* login({ user, pass }: PasswordCredentials): SaslExchange {
  yield* respond(undefined, false);
  yield* respond(user, false);
  yield* respond(pass, true);
}

/** RFC 2195. */
export function* cramMd5({ user, pass }: PasswordCredentials): SaslExchange {
  const challenge = decodeChallenge(yield* respond(undefined, false));
  yield* respond(`${user} ${createHmac("md5", pass).update(challenge).digest("hex")}`, true);
}
