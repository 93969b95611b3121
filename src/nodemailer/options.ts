import type { ConnectionOptions } from "node:tls";
import type { PoolOptions } from "../pool/index.ts";
import type { Timeouts } from "../protocol/limits.ts";
import * as check from "../session/check.ts";
import type { Auth } from "../session/credentials.ts";
import type { SessionOptions, TlsMode } from "../session/options.ts";
import { type NodemailerAuth, type ProvisionCallback, readNodemailerAuth } from "./auth.ts";
import type { ExternalLogger } from "./logger.ts";
import type { GetSocket } from "./proxy.ts";
import { refuseForeign } from "./refused.ts";
import { fromConnectionUrl } from "./url.ts";

/** The options of nodemailer's SMTP transports that mean the same here. 0 stands for the default where it is a number. */
export interface NodemailerOptions {
  /** A connection URL. What stands in it counts before the other options. */
  url?: string | undefined;
  /** Default `"localhost"`. */
  host?: string | undefined;
  /** Default 587; 465 with `secure`. */
  port?: number | string | undefined;
  /** TLS from the first octet. Default: whether the port is 465. */
  secure?: boolean | undefined;
  /** STARTTLS, or no session. Counts before `ignoreTLS` and `opportunisticTLS`. */
  requireTLS?: boolean | undefined;
  /** No STARTTLS. */
  ignoreTLS?: boolean | undefined;
  /** Goes on in plain text where the server refuses STARTTLS. */
  opportunisticTLS?: boolean | undefined;
  /** Options of `node:tls`; or when there is TLS, in this package's words, instead of the four above. */
  tls?: Readonly<ConnectionOptions> | TlsMode | undefined;
  /** The name to be asked of the server's certificate. */
  servername?: string | undefined;
  /** The name in EHLO. */
  name?: string | undefined;
  localAddress?: string | undefined;
  /** Who authenticates; or, as with a session, a function that says it for each connection. With it TLS is required. */
  auth?: NodemailerAuth | Auth | false | null | undefined;
  /** The mechanism, if `auth.method` does not say it. */
  authMethod?: string | undefined;
  /** Milliseconds until the connection stands, the look-up included. Default 2 min. */
  connectionTimeout?: number | undefined;
  /** Milliseconds until the greeting, and as many for TLS. Default 30 s. */
  greetingTimeout?: number | undefined;
  /** Milliseconds that the server may leave a command or text without an answer. Default: those of RFC 5321. */
  socketTimeout?: number | undefined;
  lmtp?: boolean | undefined;
  /** There always is a pool. With `true` a session stays open for `idleTimeout`, else for a second. */
  pool?: boolean | undefined;
  /** Default 4: few connections with deep pipelines. */
  maxConnections?: number | undefined;
  /** Messages that a connection carries before another takes its place. Default: no bound. */
  maxMessages?: number | undefined;
  /** How often a message is begun anew whose connection ended before its text was sent; below 0: always. Default 4. */
  maxRequeues?: number | undefined;
  /** Milliseconds without a message after which a connection ends. Default 4 min with `pool: true`. 0: never. */
  idleTimeout?: number | undefined;
  /** Messages in `rateDelta` milliseconds. Default: no limit. */
  rateLimit?: number | undefined;
  /** Milliseconds, from 1,000. Default 1,000. */
  rateDelta?: number | undefined;
  /** A logger of bunyan's or pino's shape, or `true` for the console. */
  logger?: ExternalLogger | boolean | undefined;
  /** Whether the conversation is logged, line by line, at `debug`. The texts of messages never are. */
  debug?: boolean | undefined;
  /** The same as `debug`. */
  transactionLog?: boolean | undefined;
  /** A field of every line that is logged. Default `"smtp-pipelining"`. */
  component?: string | undefined;
  /** Makes the connection, as nodemailer's proxies do. */
  getSocket?: GetSocket | undefined;
}

/** Options of the transport: nodemailer's, those of a pool, and one of its own. */
export interface PipeliningTransportOptions
  extends NodemailerOptions,
    Omit<PoolOptions, keyof NodemailerOptions> {
  /**
   * Octets up to which a message is composed in memory before it is sent: such a message can go out once more, on another
   * connection, and in bursts where the server offers CHUNKING. A larger one is streamed. Default 1 MiB.
   */
  composeInMemory?: number | undefined;
}

/** What is left of the options once they were read. */
export interface TransportSettings {
  readonly pool: PoolOptions;
  readonly logger: ExternalLogger | boolean;
  readonly wire: boolean;
  readonly component: string;
  readonly getSocket: GetSocket | undefined;
  readonly composeInMemory: number;
}

// Nodemailer's own, which its users rely on.
const CONNECTION_TIMEOUT = 120_000;
const GREETING_TIMEOUT = 30_000;
const IDLE_TIMEOUT = 240_000;
/** Who does not ask for a pool never closes one: the program should end soon after its last message. */
const IDLE_WITHOUT_POOL = 1_000;
/** The longest that a timer counts: some 25 days. */
const NEVER = 2_147_483_647;
/** A server that can't be reached fails a message at once, as it does with nodemailer. */
const PATIENCE = 1;
/** Larger than nearly all mail without attachments, and small beside what a process has. */
const COMPOSE_IN_MEMORY = 1_048_576;

const object: check.Check = (value) => (check.isRecord(value) ? undefined : "must be an object");
const count: check.Check = (value) =>
  typeof value === "number" && value >= 0 ? undefined : "must be a number from 0";
const port: check.Check = (value) =>
  /^\d{1,5}$/.test(String(value)) ? undefined : "must be the number of a port";

type OwnOption = keyof NodemailerOptions | "composeInMemory";

const FIELDS: Record<OwnOption, check.Check> = {
  url: check.string,
  // What has the same name and meaning in a pool is checked there.
  host: () => undefined,
  name: () => undefined,
  localAddress: () => undefined,
  auth: () => undefined,
  port,
  secure: check.boolean,
  requireTLS: check.boolean,
  ignoreTLS: check.boolean,
  opportunisticTLS: check.boolean,
  tls: (value) => (typeof value === "string" ? undefined : object(value)),
  servername: check.string,
  authMethod: check.string,
  connectionTimeout: count,
  greetingTimeout: count,
  socketTimeout: count,
  lmtp: check.boolean,
  pool: check.boolean,
  maxConnections: count,
  maxMessages: count,
  maxRequeues: check.number,
  idleTimeout: check.number,
  rateLimit: count,
  rateDelta: count,
  logger: (value) => (typeof value === "boolean" ? undefined : object(value)),
  debug: check.boolean,
  transactionLog: check.boolean,
  component: check.string,
  getSocket: check.func,
  composeInMemory: check.integer(0),
};

/** Where both this package and nodemailer have a word for something: only one can be given. */
const SAME: readonly (readonly [nodemailers: keyof NodemailerOptions, ours: keyof PoolOptions])[] = [
  ["maxConnections", "connections"],
  ["maxRequeues", "attempts"],
  ["idleTimeout", "maxIdle"],
  ["rateLimit", "rate"],
  ["rateDelta", "rate"],
  ["lmtp", "protocol"],
  ["getSocket", "connectSocket"],
];

/**
 * Reads options in nodemailer's words.
 * @param registered the transporter's function for access tokens, once there is one
 * @throws TypeError that names the option
 */
export function readTransportOptions(
  given: PipeliningTransportOptions | string,
  registered: () => ProvisionCallback | undefined,
): TransportSettings {
  const options = present(typeof given === "string" ? { url: given } : given);
  const { url, ...others } = options;
  if (url !== undefined && typeof url !== "string") throw new TypeError("options.url must be a string");
  const all = url === undefined ? others : merged(others, fromConnectionUrl(url));
  refuseForeign(all);
  const entries = Object.entries(all);
  const isOwn = ([name]: readonly [string, unknown]): boolean => Object.hasOwn(FIELDS, name);
  const own: NodemailerOptions & { composeInMemory?: number } = check.readRecord(
    Object.fromEntries(entries.filter(isOwn)),
    FIELDS,
    "options",
  );
  const pools: PoolOptions = Object.fromEntries(entries.filter((entry) => !isOwn(entry)));
  for (const [nodemailers, ours] of SAME) {
    if (own[nodemailers] !== undefined && pools[ours] !== undefined) {
      throw new TypeError(`options.${nodemailers} and options.${ours} say the same: give one of them`);
    }
  }
  const auth = readNodemailerAuth(own.auth, own.authMethod, registered);
  const { maxMessages = 0 } = own;
  return {
    pool: {
      patience: PATIENCE,
      ...pools,
      ...destination(own, pools),
      ...security(own, pools, auth !== undefined),
      ...(own.name !== undefined && { name: own.name }),
      ...(auth !== undefined && { auth }),
      ...(own.lmtp === true && { protocol: "lmtp" as const }),
      ...(own.maxConnections && { connections: own.maxConnections }),
      ...(maxMessages > 0 && Number.isFinite(maxMessages) && { maxMessages }),
      ...(own.maxRequeues !== undefined && { attempts: attempts(own.maxRequeues) }),
      ...(pools.maxIdle === undefined && { maxIdle: maxIdle(own) }),
      ...(own.rateLimit && { rate: rate(own.rateLimit, own.rateDelta || 1_000) }),
      timeouts: { ...timeouts(own), ...pools.timeouts },
    },
    logger: own.logger ?? false,
    wire: own.debug === true || own.transactionLog === true,
    component: own.component ?? "smtp-pipelining",
    getSocket: own.getSocket,
    composeInMemory: own.composeInMemory ?? COMPOSE_IN_MEMORY,
  };
}

/** As nodemailer does it: what the URL says counts, and the fields of `tls` and `auth` are joined. */
function merged(options: Record<string, unknown>, url: Record<string, unknown>): Record<string, unknown> {
  const joined: Record<string, unknown> = { ...options, ...url };
  for (const name of ["tls", "auth"]) {
    if (check.isRecord(options[name]) && check.isRecord(url[name])) {
      joined[name] = { ...options[name], ...url[name] };
    }
  }
  return joined;
}

/** Whether the options say elsewhere where a connection goes. */
function isElsewhere({ relays, socketPath }: PoolOptions): boolean {
  return relays !== undefined || socketPath !== undefined;
}

function destination(own: NodemailerOptions, pools: PoolOptions): PoolOptions {
  const { host, localAddress } = own;
  const given = {
    ...(host !== undefined && { host }),
    ...(localAddress !== undefined && { localAddress }),
    ...(own.port && { port: Number(own.port) }),
  };
  if (isElsewhere(pools)) return given;
  return { host: "localhost", port: isImplicit(own) ? 465 : 587, ...given };
}

function isImplicit({ secure, port: given, tls }: NodemailerOptions): boolean {
  return typeof tls === "string" ? tls === "implicit" : (secure ?? Number(given) === 465);
}

const WHEN_TLS = ["secure", "requireTLS", "ignoreTLS", "opportunisticTLS"] as const;

function security(own: NodemailerOptions, pools: PoolOptions, authenticates: boolean): SessionOptions {
  const { tls, servername } = own;
  const name = servername === undefined ? {} : { servername };
  if (typeof tls === "string") {
    const also = WHEN_TLS.find((each) => own[each] !== undefined);
    if (also !== undefined) {
      throw new TypeError(
        `options.${also} and options.tls ${JSON.stringify(tls)} say the same: give one of them`,
      );
    }
    return { tls, ...(servername !== undefined && { tlsOptions: { ...name, ...pools.tlsOptions } }) };
  }
  if (tls !== undefined && pools.tlsOptions !== undefined) {
    throw new TypeError("options.tls and options.tlsOptions say the same: give one of them");
  }
  // Nodemailer verifies the certificate of every server that offers STARTTLS.
  const tlsOptions: ConnectionOptions = { rejectUnauthorized: true, ...name, ...pools.tlsOptions, ...tls };
  if (isElsewhere(pools) && !WHEN_TLS.some((each) => own[each] === true)) return { tlsOptions };
  return { tls: mode(own, authenticates && pools.allowInsecureAuth !== true), tlsOptions };
}

function mode(own: NodemailerOptions, secret: boolean): TlsMode {
  if (isImplicit(own)) return "implicit";
  if (own.requireTLS === true) return "required";
  if (own.ignoreTLS === true) return "off";
  return secret && own.opportunisticTLS !== true ? "required" : "opportunistic";
}

function attempts(requeues: number): number {
  return requeues < 0 || !Number.isFinite(requeues) ? Number.MAX_SAFE_INTEGER : requeues + 1;
}

function maxIdle({ idleTimeout, pool }: NodemailerOptions): number {
  if (idleTimeout === undefined) return pool === true ? IDLE_TIMEOUT : IDLE_WITHOUT_POOL;
  return idleTimeout > 0 ? Math.min(idleTimeout, NEVER) : NEVER;
}

/** So many messages at once after a pause as nodemailer sends at once, and as many in the long run. */
function rate(limit: number, delta: number): NonNullable<PoolOptions["rate"]> {
  if (delta < 1_000) {
    const messages = (limit * 1_000) / delta;
    throw new TypeError(
      `options.rateDelta must be 1000 or more: write rate: { messages: ${messages} }, messages a second`,
    );
  }
  return { messages: (limit * 1_000) / delta, burst: Math.floor(delta / 1_000) };
}

function timeouts({
  connectionTimeout,
  greetingTimeout,
  socketTimeout,
}: NodemailerOptions): Partial<Timeouts> {
  return {
    connect: connectionTimeout || CONNECTION_TIMEOUT,
    greeting: greetingTimeout || GREETING_TIMEOUT,
    ...(greetingTimeout && { tls: greetingTimeout }),
    ...(socketTimeout && {
      command: socketTimeout,
      mail: socketTimeout,
      rcpt: socketTimeout,
      data: socketTimeout,
      text: socketTimeout,
      message: socketTimeout,
    }),
  };
}

/** What is given, without what is there and undefined or null. */
function present(record: unknown): Record<string, unknown> {
  if (!check.isRecord(record)) throw new TypeError("options must be an object or a URL");
  const entries = Object.entries(record).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries);
}
