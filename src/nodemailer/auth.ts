import type { Credentials, MechanismName } from "../protocol/sasl/exchange.ts";
import { MECHANISMS } from "../protocol/sasl/mechanisms.ts";
import * as check from "../session/check.ts";
import type { Auth } from "../session/credentials.ts";

/** Nodemailer's function that gives an access token: `transporter.set("oauth2_provision_cb", …)`. */
export type ProvisionCallback = (
  user: string,
  renew: boolean,
  callback: (error: Error | null, accessToken?: string) => void,
) => void;

/** Who authenticates, in nodemailer's words. */
export interface NodemailerAuth {
  /** `"OAuth2"` (the default with `accessToken`), or a login with a password. */
  readonly type?: string | undefined;
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  /** OAuth2: the token. Without one, `provisionCallback` or the transporter's `oauth2_provision_cb` gives it. */
  readonly accessToken?: string | undefined;
  /** OAuth2: gives a token for each connection, and another where one was refused. */
  readonly provisionCallback?: ProvisionCallback | undefined;
  /** The mechanism, e.g. `"PLAIN"`. Default: the strongest that both sides know. */
  readonly method?: string | undefined;
}

const A_FUNCTION =
  "is not read: let auth be a function that returns (a promise of) { user, accessToken }; it is called for each connection, and again where a token was refused";

/** What nodemailer's other fields of `auth` are here instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  refreshToken: A_FUNCTION,
  clientId: A_FUNCTION,
  clientSecret: A_FUNCTION,
  serviceClient: A_FUNCTION,
  privateKey: A_FUNCTION,
  accessUrl: A_FUNCTION,
  expires: A_FUNCTION,
  timeout: A_FUNCTION,
  customHeaders: A_FUNCTION,
  customParams: A_FUNCTION,
  tls: A_FUNCTION,
  service: 'is not read: OAuth2 is { type: "OAuth2", user, accessToken }',
  options: "is not read: mechanisms of your own are not supported",
  credentials: "is not read: write { user, pass }",
  oauth2: A_FUNCTION,
};

const FIELDS: Record<keyof NodemailerAuth, check.Check> = {
  type: check.string,
  // Checked by whoever authenticates, which shows no value.
  user: () => undefined,
  pass: () => undefined,
  accessToken: () => undefined,
  provisionCallback: check.func,
  method: check.string,
};

/**
 * Makes of nodemailer's `auth` what a session takes.
 * @param registered the function registered with the transporter, if there is one by then
 * @throws TypeError that names the field, and shows no value
 */
export function readNodemailerAuth(
  given: unknown,
  authMethod: string | undefined,
  registered: () => ProvisionCallback | undefined,
): Auth | undefined {
  if (given === undefined || given === null || given === false) return undefined;
  if (typeof given === "function") return given as Auth;
  if (!check.isRecord(given)) throw new TypeError("options.auth must be an object, or a function");
  // Credentials in this package's own words.
  if (given["mechanisms"] !== undefined) return given as unknown as Credentials;
  for (const name of Object.keys(given)) {
    if (given[name] === undefined) continue;
    if (Object.hasOwn(INSTEAD, name)) throw new TypeError(`options.auth.${name} ${INSTEAD[name]}`);
    if (!Object.hasOwn(FIELDS, name)) throw new TypeError(`options.auth.${name} is unknown`);
  }
  const auth: NodemailerAuth = check.readRecord(given, FIELDS, "options.auth");
  const { user = "", pass = "", accessToken, provisionCallback } = auth;
  const type = auth.type?.toLowerCase() ?? (accessToken === undefined ? "login" : "oauth2");
  if (type === "custom") throw new TypeError(`options.auth.type: mechanisms of your own are not supported`);
  const mechanisms = readMechanism(auth.method ?? authMethod);
  if (type !== "oauth2") {
    if (accessToken !== undefined) {
      throw new TypeError('options.auth.accessToken goes with type: "OAuth2"');
    }
    return { user, pass, ...mechanisms };
  }
  if (pass !== "") throw new TypeError('options.auth.pass has no place in type: "OAuth2"');
  return async ({ refusal }) => {
    const provision = provisionCallback ?? registered();
    const wanted = accessToken === undefined || (refusal !== undefined && provision !== undefined);
    const token = wanted ? await provided(provision, user, refusal !== undefined) : accessToken;
    return { user, accessToken: token, ...mechanisms };
  };
}

function readMechanism(method: string | undefined): { readonly mechanisms?: readonly MechanismName[] } {
  if (method === undefined || method.trim() === "") return {};
  const name = method.trim().toUpperCase();
  const known = MECHANISMS.find((each) => each === name);
  if (known === undefined) {
    throw new TypeError(`options.authMethod must be one of ${MECHANISMS.join(", ")}`);
  }
  return { mechanisms: [known] };
}

function provided(provision: ProvisionCallback | undefined, user: string, renew: boolean): Promise<string> {
  if (provision === undefined) {
    const where = 'auth.accessToken, auth.provisionCallback, or transporter.set("oauth2_provision_cb", …)';
    return Promise.reject(new Error(`There is no access token: give ${where}`));
  }
  return new Promise((resolve, reject) => {
    provision(user, renew, (error, token) => {
      if (error) reject(error);
      else resolve(token ?? "");
    });
  });
}
