import { hostname } from "node:os";
import { isAbsolute } from "node:path";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import type { ChunkingMode } from "../pipeline/chunking.ts";
import type { Protocol } from "../pipeline/handshake.ts";
import type { PipeliningMode } from "../pipeline/pipeline.ts";
import { hasControlCharacter } from "../protocol/address.ts";
import { nameProblem } from "../protocol/command.ts";
import {
  LIMITS,
  type Limits,
  LMTP_PORT,
  SMTP_PORT,
  SMTPS_PORT,
  SUBMISSION_PORT,
  TIMEOUTS,
  type Timeouts,
  WINDOW,
  type Window,
} from "../protocol/limits.ts";
import type { LineEndings } from "../protocol/text.ts";
import { XCLIENT_ATTRIBUTES, type Xclient, xclientProblem } from "../protocol/xclient.ts";
import * as check from "./check.ts";
import { type Auth, readAuth } from "./credentials.ts";
import type { SendJournal } from "./journal.ts";
import { type PeerMemory, processPeers } from "./peers.ts";

/** Where a connection goes, as `connectSocket` is told. */
export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  /** Fires when the connection is wanted no more. */
  readonly signal: AbortSignal;
}

/** When TLS protects a session: see {@link SessionOptions.tls}. */
export type TlsMode = "opportunistic" | "required" | "implicit" | "off";

/** Options of a session. Only `host` (or `socketPath`, or `connectSocket`) is needed. */
export interface SessionOptions {
  /** The server's name or address. */
  host?: string | undefined;
  /** Default 25; 465 with `tls: "implicit"`; else 587 with `auth`; 24 with `protocol: "lmtp"`. */
  port?: number | undefined;
  /** A Unix socket instead of host and port: its absolute path. Excludes `host`, `port`, `localAddress`, `connectSocket`. */
  socketPath?: string | undefined;
  /**
   * The name in EHLO: a domain or an address literal.
   * Default: this machine's name if it is a fully qualified one, else its address as `[192.0.2.1]`.
   */
  name?: string | undefined;
  /** The local address to connect from. */
  localAddress?: string | undefined;
  /** Makes the connection itself: a proxy, a tunnel, a test. Returns (a promise of) a Duplex, connected or connecting. */
  connectSocket?: ((target: ConnectTarget) => Duplex | Promise<Duplex>) | undefined;
  /**
   * `"smtp"` (default), or `"lmtp"` (RFC 2033): the protocol of mail stores, which answers a text once per recipient.
   */
  protocol?: Protocol | undefined;
  /**
   * - `"opportunistic"` (default): STARTTLS where the server offers it, its certificate not verified (RFC 7435)
   * - `"required"`: STARTTLS and a trusted certificate, or no session; the default with `auth`
   * - `"implicit"`: TLS from the first octet, with a trusted certificate (port 465, RFC 8314)
   * - `"off"`: plain text; the default with `socketPath`
   *
   * A TLS session is resumed where this process had one with the same host and port under equal options.
   * On a Unix socket a certificate is checked against `localhost`, unless `tlsOptions.servername` says otherwise.
   */
  tls?: TlsMode | undefined;
  /** Options of `node:tls`, e.g. `ca`, `cert`, `key`, `minVersion`, `servername`. */
  tlsOptions?: Readonly<ConnectionOptions> | undefined;
  /**
   * `"auto"` (default): groups span messages where the server bears it; `"transaction"`: never across messages;
   * `"off"`: one command at a time.
   */
  pipelining?: PipeliningMode | undefined;
  /**
   * Whether texts go with BDAT where the server offers CHUNKING:
   *
   * - `"auto"` (default): in bursts, many messages in flight at once, once the server has shown that it bears them
   * - `"strict"`: each text only behind the replies to its RCPT
   * - `"off"`: with DATA
   */
  chunking?: ChunkingMode | undefined;
  /** What may be unsettled before `ready()` waits: see {@link Window}. */
  window?: Partial<Window> | undefined;
  /** Deadlines in milliseconds: see {@link Timeouts}. */
  timeouts?: Partial<Timeouts> | undefined;
  /** A NOOP after so many milliseconds of idleness. Default: none. */
  keepAlive?: number | undefined;
  /** Bounds: see {@link Limits}. */
  limits?: Partial<Limits> | undefined;
  /** What becomes of a bare CR or LF in a text: `"normalize"` (default) makes it CRLF, `"reject"` fails the message. */
  lineEndings?: LineEndings | undefined;
  /** What is remembered of servers. Default: one memory for the process. */
  peers?: PeerMemory | undefined;
  /**
   * Who authenticates: `{user, pass}`, `{user, accessToken}`, or a function that returns either (or a promise of it),
   * called for each connection. With it `tls` is `"required"` and the port 587 unless they are given.
   */
  auth?: Auth | undefined;
  /**
   * Whether a mechanism may show the password or token (PLAIN, LOGIN, OAUTHBEARER, XOAUTH2) to whoever can listen, where
   * no verified TLS protects it. Default false.
   */
  allowInsecureAuth?: boolean | undefined;
  /** What is said of the client that this session speaks for (XCLIENT), to a server that trusts it with that. */
  xclient?: Xclient | undefined;
  /**
   * A durable record of what is sent: a `Journal` of smtp-pipelining/journal. Nothing of a message is written before it
   * is on the disk that it is begun. Default: none.
   */
  journal?: SendJournal | undefined;
  /** Destroys the session when it fires. */
  signal?: AbortSignal | undefined;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  /** The path of a Unix socket, if it is one. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly protocol: Protocol;
  /** Undefined: the local address of the connection. */
  readonly name: string | undefined;
  readonly localAddress: string | undefined;
  readonly connectSocket: SessionOptions["connectSocket"];
  readonly tls: TlsMode;
  readonly tlsOptions: Readonly<ConnectionOptions> | undefined;
  readonly pipelining: PipeliningMode;
  readonly chunking: ChunkingMode;
  readonly window: Window;
  readonly timeouts: Timeouts;
  readonly keepAlive: number | undefined;
  readonly limits: Limits;
  readonly lineEndings: LineEndings;
  readonly peers: PeerMemory;
  readonly auth: Auth | undefined;
  readonly allowInsecureAuth: boolean;
  readonly xclient: Xclient | undefined;
  readonly journal: SendJournal | undefined;
  readonly signal: AbortSignal | undefined;
}

function fields(names: readonly string[], each: check.Check): Record<string, check.Check> {
  return Object.fromEntries(names.map((name) => [name, each]));
}

const host: check.Check = (value) => {
  if (typeof value !== "string") return "must be a string";
  return /^[^\s\p{Cc}/@[\]]+$/u.test(value) ? undefined : "must be a host name or an address";
};

const socketPath: check.Check = (value) => {
  if (typeof value !== "string") return "must be a string";
  return isAbsolute(value) && !hasControlCharacter(value)
    ? undefined
    : "must be the absolute path of a socket";
};

const name: check.Check = (value) => {
  if (typeof value !== "string") return "must be a string";
  const problem = nameProblem(value);
  return problem === undefined ? undefined : `must be a domain or an address literal: ${problem}`;
};

const peers: check.Check = (value) =>
  check.isRecord(value) && typeof value["get"] === "function" && typeof value["set"] === "function"
    ? undefined
    : "must have the methods get and set";

const xclientValue: check.Check = (value) => {
  if (typeof value !== "string") return "must be a string";
  const problem = xclientProblem(value);
  return problem === undefined ? undefined : `must be a value for XCLIENT: ${problem}`;
};

const FIELDS: Record<keyof SessionOptions, check.Check> = {
  host,
  port: check.integer(1, 65_535),
  name,
  localAddress: host,
  connectSocket: check.func,
  socketPath,
  protocol: check.oneOf("smtp", "lmtp"),
  tls: check.oneOf("opportunistic", "required", "implicit", "off"),
  tlsOptions: (value) => (check.isRecord(value) ? undefined : "must be an object with options of node:tls"),
  // Checked by readAuth(), which shows no value.
  auth: () => undefined,
  allowInsecureAuth: check.boolean,
  xclient: check.record(fields(XCLIENT_ATTRIBUTES, xclientValue), "xclient"),
  pipelining: check.oneOf("auto", "transaction", "off"),
  chunking: check.oneOf("auto", "strict", "off"),
  window: check.record(fields(Object.keys(WINDOW), check.integer(1)), "window"),
  timeouts: check.record(fields(Object.keys(TIMEOUTS), check.milliseconds), "timeouts"),
  keepAlive: check.milliseconds,
  limits: check.record(
    {
      replyLine: check.integer(64),
      replyLines: check.integer(8),
      groupCommands: check.integer(1),
      strictAbove: check.integer(0),
    },
    "limits",
  ),
  lineEndings: check.oneOf("normalize", "reject"),
  peers,
  journal: (value) =>
    check.isRecord(value) && typeof value["attach"] === "function" ? undefined : "must be a Journal",
  signal: check.signal,
};

/** The names of all options of a session. */
export const SESSION_OPTIONS: readonly string[] = Object.keys(FIELDS);

const EXCLUDED_BY_SOCKET_PATH = ["host", "port", "localAddress", "connectSocket"] as const;

/** Checks options and fills in the defaults. @throws TypeError that names the option. */
export function resolveOptions(given: SessionOptions | string): ResolvedOptions {
  const read = check.readRecord(typeof given === "string" ? fromUrl(given) : given, FIELDS, "options");
  const options: SessionOptions = read;
  const { connectSocket, socketPath, protocol = "smtp" } = options;
  if (socketPath !== undefined) {
    const excluded = EXCLUDED_BY_SOCKET_PATH.find((field) => options[field] !== undefined);
    if (excluded !== undefined) {
      throw new TypeError(
        `options.${excluded} can't go with options.socketPath, which says where to connect`,
      );
    }
  } else if (options.host === undefined && connectSocket === undefined) {
    throw new TypeError("options.host is missing: give the server's name or address");
  }
  const auth = options.auth === undefined ? undefined : readAuth(options.auth);
  const usual = auth === undefined ? "opportunistic" : "required";
  const tls = options.tls ?? (socketPath === undefined ? usual : "off");
  return {
    host: socketPath ?? options.host ?? "localhost",
    port: socketPath === undefined ? (options.port ?? defaultPort(protocol, tls, auth !== undefined)) : 0,
    socketPath,
    protocol,
    name: options.name ?? ownName(),
    localAddress: options.localAddress,
    connectSocket,
    tls,
    // Copied: what the caller does to it later is not meant.
    tlsOptions: options.tlsOptions && { ...options.tlsOptions },
    pipelining: options.pipelining ?? "auto",
    chunking: options.chunking ?? "auto",
    window: filled(options.window, WINDOW),
    timeouts: filled(options.timeouts, TIMEOUTS),
    keepAlive: options.keepAlive,
    limits: filled(options.limits, LIMITS),
    lineEndings: options.lineEndings ?? "normalize",
    peers: options.peers ?? processPeers,
    auth,
    allowInsecureAuth: options.allowInsecureAuth ?? false,
    xclient: options.xclient && { ...options.xclient },
    journal: options.journal,
    signal: options.signal,
  };
}

function defaultPort(protocol: Protocol, tls: TlsMode, submission: boolean): number {
  if (protocol === "lmtp") return LMTP_PORT;
  if (tls === "implicit") return SMTPS_PORT;
  return submission ? SUBMISSION_PORT : SMTP_PORT;
}

/** Defaults where nothing is given. By the known names: what is given may be inherited. */
function filled<T extends object>(given: Partial<T> | undefined, defaults: T): T {
  const names = Object.keys(defaults) as (keyof T)[];
  return Object.fromEntries(names.map((name) => [name, given?.[name] ?? defaults[name]])) as T;
}

export function fromUrl(text: string): SessionOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme =
    url !== undefined && Object.hasOwn(SCHEMES, url.protocol) ? SCHEMES[url.protocol] : undefined;
  const path = url?.protocol === UNIX_SCHEME;
  const fit =
    url !== undefined &&
    scheme !== undefined &&
    !(url.search || url.hash) &&
    (path ? url.host === "" && url.pathname.length > 1 : url.hostname !== "" && /^\/?$/.test(url.pathname));
  if (!fit) {
    const shapes = `"smtp://host:port", "smtps://user:pass@host", "lmtp://host:port" or "lmtp+unix:///path"`;
    // What stands before an @ may be a password.
    const shown = check.shownValue(text.replace(/^.*@/s, "***@"));
    throw new TypeError(`options must be a URL like ${shapes}, not ${shown}`);
  }
  if (path) return { socketPath: decoded(url.pathname, "path"), ...scheme };
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    ...(url.port !== "" && { port: Number(url.port) }),
    ...((url.username || url.password) && {
      auth: { user: decoded(url.username, "user"), pass: decoded(url.password, "password") },
    }),
    ...scheme,
  };
}

const UNIX_SCHEME = "lmtp+unix:";

/** What the schemes of URLs stand for. */
const SCHEMES: Readonly<Record<string, Pick<SessionOptions, "protocol" | "tls">>> = {
  "smtp:": {},
  "smtps:": { tls: "implicit" },
  "lmtp:": { protocol: "lmtp" },
  [UNIX_SCHEME]: { protocol: "lmtp" },
};

/** Its text is not shown: it may be a password. */
function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError(`options: the ${what} in the URL is not percent-encoded as it should be`);
  }
}

/** A name without a dot means nothing to another machine: then the connection's address says more. */
function ownName(): string | undefined {
  const own = hostname();
  return own.includes(".") && nameProblem(own) === undefined ? own : undefined;
}
