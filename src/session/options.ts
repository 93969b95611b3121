import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import type { PipeliningMode } from "../pipeline/pipeline.ts";
import { nameProblem } from "../protocol/command.ts";
import {
  LIMITS,
  type Limits,
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

/** Options of a session. Only `host` (or `connectSocket`) is needed. */
export interface SessionOptions {
  /** The server's name or address. */
  host?: string | undefined;
  /** Default 25; 465 with `tls: "implicit"`. */
  port?: number | undefined;
  /**
   * The name in EHLO: a domain or an address literal.
   * Default: this machine's name if it is a fully qualified one, else its address as `[192.0.2.1]`.
   */
  name?: string | undefined;
  /** The local address to connect from. */
  localAddress?: string | undefined;
  /** Makes the connection itself: a proxy, a tunnel, a test. Returns (a promise of) a Duplex, connected or connecting. */
  connectSocket?: ((target: ConnectTarget) => Duplex | Promise<Duplex>) | undefined;
  /** This version speaks SMTP. */
  protocol?: "smtp" | undefined;
  /**
   * - `"opportunistic"` (default): STARTTLS where the server offers it, its certificate not verified (RFC 7435)
   * - `"required"`: STARTTLS and a trusted certificate, or no session
   * - `"implicit"`: TLS from the first octet, with a trusted certificate (port 465, RFC 8314)
   * - `"off"`: plain text
   */
  tls?: TlsMode | undefined;
  /** Options of `node:tls`, e.g. `ca`, `cert`, `key`, `minVersion`, `servername`. */
  tlsOptions?: Readonly<ConnectionOptions> | undefined;
  /**
   * `"auto"` (default): groups span messages where the server bears it; `"transaction"`: never across messages;
   * `"off"`: one command at a time.
   */
  pipelining?: PipeliningMode | undefined;
  /** This version sends with DATA. */
  chunking?: "off" | undefined;
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
  /** Destroys the session when it fires. */
  signal?: AbortSignal | undefined;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: the local address of the connection. */
  readonly name: string | undefined;
  readonly localAddress: string | undefined;
  readonly connectSocket: SessionOptions["connectSocket"];
  readonly tls: TlsMode;
  readonly tlsOptions: Readonly<ConnectionOptions> | undefined;
  readonly pipelining: PipeliningMode;
  readonly window: Window;
  readonly timeouts: Timeouts;
  readonly keepAlive: number | undefined;
  readonly limits: Limits;
  readonly lineEndings: LineEndings;
  readonly peers: PeerMemory;
  readonly auth: Auth | undefined;
  readonly allowInsecureAuth: boolean;
  readonly xclient: Xclient | undefined;
  readonly signal: AbortSignal | undefined;
}

function fields(names: readonly string[], each: check.Check): Record<string, check.Check> {
  return Object.fromEntries(names.map((name) => [name, each]));
}

const host: check.Check = (value) => {
  if (typeof value !== "string") return "must be a string";
  return /^[^\s\p{Cc}/@[\]]+$/u.test(value) ? undefined : "must be a host name or an address";
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
  protocol: check.notYet("smtp"),
  tls: check.oneOf("opportunistic", "required", "implicit", "off"),
  tlsOptions: (value) => (check.isRecord(value) ? undefined : "must be an object with options of node:tls"),
  // Checked by readAuth(), which shows no value.
  auth: () => undefined,
  allowInsecureAuth: check.boolean,
  xclient: check.record(fields(XCLIENT_ATTRIBUTES, xclientValue), "xclient"),
  pipelining: check.oneOf("auto", "transaction", "off"),
  chunking: check.notYet("off"),
  window: check.record(fields(Object.keys(WINDOW), check.integer(1)), "window"),
  timeouts: check.record(fields(Object.keys(TIMEOUTS), check.milliseconds), "timeouts"),
  keepAlive: check.milliseconds,
  limits: check.record(
    { replyLine: check.integer(64), replyLines: check.integer(8), groupCommands: check.integer(1) },
    "limits",
  ),
  lineEndings: check.oneOf("normalize", "reject"),
  peers,
  signal: check.signal,
};

/** Checks options and fills in the defaults. @throws TypeError that names the option. */
export function resolveOptions(given: SessionOptions | string): ResolvedOptions {
  const read = check.readRecord(typeof given === "string" ? fromUrl(given) : given, FIELDS, "options");
  const options: SessionOptions = read;
  const { connectSocket } = options;
  if (options.host === undefined && connectSocket === undefined) {
    throw new TypeError("options.host is missing: give the server's name or address");
  }
  const auth = options.auth === undefined ? undefined : readAuth(options.auth);
  const tls = options.tls ?? (auth === undefined ? "opportunistic" : "required");
  const port = auth === undefined ? SMTP_PORT : SUBMISSION_PORT;
  return {
    host: options.host ?? "localhost",
    port: options.port ?? (tls === "implicit" ? SMTPS_PORT : port),
    name: options.name ?? ownName(),
    localAddress: options.localAddress,
    connectSocket,
    tls,
    // Copied: what the caller does to it later is not meant.
    tlsOptions: options.tlsOptions && { ...options.tlsOptions },
    pipelining: options.pipelining ?? "auto",
    window: filled(options.window, WINDOW),
    timeouts: filled(options.timeouts, TIMEOUTS),
    keepAlive: options.keepAlive,
    limits: filled(options.limits, LIMITS),
    lineEndings: options.lineEndings ?? "normalize",
    peers: options.peers ?? processPeers,
    auth,
    allowInsecureAuth: options.allowInsecureAuth ?? false,
    xclient: options.xclient && { ...options.xclient },
    signal: options.signal,
  };
}

/** Defaults where nothing is given. By the known names: what is given may be inherited. */
function filled<T extends object>(given: Partial<T> | undefined, defaults: T): T {
  const names = Object.keys(defaults) as (keyof T)[];
  return Object.fromEntries(names.map((name) => [name, given?.[name] ?? defaults[name]])) as T;
}

function fromUrl(text: string): SessionOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    (url?.protocol !== "smtp:" && url?.protocol !== "smtps:") ||
    url.hostname === "" ||
    !/^\/?$/.test(url.pathname) ||
    url.search ||
    url.hash
  ) {
    const shapes = `"smtp://host:port" or "smtps://user:pass@host:port"`;
    // What stands before an @ may be a password.
    const shown = check.shownValue(text.replace(/^.*@/s, "***@"));
    throw new TypeError(`options must be a URL like ${shapes}, not ${shown}`);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    ...(url.protocol === "smtps:" && { tls: "implicit" }),
    ...(url.port !== "" && { port: Number(url.port) }),
    ...((url.username || url.password) && { auth: userInfo(url) }),
  };
}

function userInfo({ username, password }: URL): Auth {
  try {
    return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  } catch {
    throw new TypeError("options: the user or password in the URL is not percent-encoded as it should be");
  }
}

/** A name without a dot means nothing to another machine: then the connection's address says more. */
function ownName(): string | undefined {
  const own = hostname();
  return own.includes(".") && nameProblem(own) === undefined ? own : undefined;
}
