import type {
  Credentials,
  MechanismName,
  PasswordCredentials,
  SaslContext,
  SaslExchange,
  TokenCredentials,
} from "./exchange.ts";
import { cramMd5, login, plain } from "./password.ts";
import { scram } from "./scram.ts";
import { oauthBearer, xoauth2 } from "./token.ts";

/** A mechanism, and how it goes. */
export interface Mechanism {
  readonly name: MechanismName;
  /** Whether it shows the password or the token itself: not to be done where others can read it. */
  readonly revealing: boolean;
  readonly begin: (context: SaslContext) => SaslExchange;
}

/** @param plus whether the server also offers the mechanism with `-PLUS` to its name */
type Maker<C> = (credentials: C, plus: "offered" | "unoffered") => Omit<Mechanism, "name">;

/** From the strongest to the weakest. */
const WITH_PASSWORD: ReadonlyMap<MechanismName, Maker<PasswordCredentials>> = new Map([
  ["SCRAM-SHA-256-PLUS", (who) => hidden((context) => scram("sha256", "bound", who, context))],
  ["SCRAM-SHA-256", (who, plus) => hidden((context) => scram("sha256", plus, who, context))],
  ["SCRAM-SHA-1-PLUS", (who) => hidden((context) => scram("sha1", "bound", who, context))],
  ["SCRAM-SHA-1", (who, plus) => hidden((context) => scram("sha1", plus, who, context))],
  ["CRAM-MD5", (who) => hidden(() => cramMd5(who))],
  ["PLAIN", (who) => revealing(() => plain(who))],
  ["LOGIN", (who) => revealing(() => login(who))],
] satisfies [MechanismName, Maker<PasswordCredentials>][]);

const WITH_TOKEN: ReadonlyMap<MechanismName, Maker<TokenCredentials>> = new Map([
  ["OAUTHBEARER", (who) => revealing((context) => oauthBearer(who, context))],
  ["XOAUTH2", (who) => revealing(() => xoauth2(who))],
] satisfies [MechanismName, Maker<TokenCredentials>][]);

/** All that a session knows. */
export const MECHANISMS: readonly MechanismName[] = [...WITH_PASSWORD.keys(), ...WITH_TOKEN.keys()];

function hidden(begin: Mechanism["begin"]): Omit<Mechanism, "name"> {
  return { revealing: false, begin };
}

function revealing(begin: Mechanism["begin"]): Omit<Mechanism, "name"> {
  return { revealing: true, begin };
}

/**
 * The mechanisms that fit the credentials and that the server offers, strongest first.
 * @param offered the parameters of AUTH in the EHLO reply
 * @param bindable whether the connection has something to bind to
 */
export function fittingMechanisms(credentials: Credentials, offered: string, bindable: boolean): Mechanism[] {
  const names = new Set(offered.toUpperCase().split(/\s+/));
  const { mechanisms = MECHANISMS } = credentials;
  const fits = (name: MechanismName): boolean =>
    names.has(name) && mechanisms.includes(name) && (bindable || !name.endsWith("-PLUS"));
  const plus = (name: MechanismName) => (names.has(`${name}-PLUS`) ? "offered" : "unoffered");
  if ("pass" in credentials) {
    return [...WITH_PASSWORD]
      .filter(([name]) => fits(name))
      .map(([name, make]) => ({ name, ...make(credentials, plus(name)) }));
  }
  return [...WITH_TOKEN]
    .filter(([name]) => fits(name))
    .map(([name, make]) => ({ name, ...make(credentials, plus(name)) }));
}
