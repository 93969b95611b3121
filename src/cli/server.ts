import { readFile } from "node:fs/promises";
import type { ChunkingMode, PipeliningMode, SessionOptions, TlsMode } from "../index.ts";
import { SmtpSession } from "../index.ts";
import type { OptionSpec, OptionSpecs } from "./command.ts";
import { EX } from "./exit-status.ts";
import { CommandFailure, errorText, usageFailure } from "./failure.ts";
import type { Given } from "./given.ts";

/** How a server is written. */
export const SERVER_SHAPES =
  "smtp://host, smtp://user@host:port, smtps://host, lmtp://host:port or lmtp+unix:///path";

const GROUP = "The session";

/** The options of a session that every command with a server has. */
export const SERVER_OPTIONS: OptionSpecs = {
  user: { kind: "text", group: GROUP, describe: "authenticate as this user" },
  "password-file": {
    kind: "text",
    group: GROUP,
    describe: "the file whose first line is the password; without it SMTP_PASSWORD holds it",
  },
  oauth: { kind: "flag", group: GROUP, describe: "the password is an OAuth 2.0 access token" },
  "insecure-auth": {
    kind: "flag",
    group: GROUP,
    describe: "show the password also where no verified TLS protects it",
  },
  tls: {
    kind: "text",
    group: GROUP,
    choices: ["opportunistic", "required", "implicit", "off"],
    describe: "default: required with a user, implicit with smtps://, else opportunistic",
  },
  ca: { kind: "text", group: GROUP, describe: "trust the certificates in this PEM file" },
  cert: { kind: "text", group: GROUP, describe: "the client's certificate, a PEM file" },
  key: { kind: "text", group: GROUP, describe: "its key, a PEM file" },
  servername: { kind: "text", group: GROUP, describe: "the name that the server's certificate has to have" },
  name: { kind: "text", group: GROUP, describe: "the name in EHLO" },
  "local-address": { kind: "text", group: GROUP, describe: "the address to connect from" },
  timeout: {
    kind: "text",
    group: GROUP,
    describe: "how long any reply may take, as 30s; default: the times of RFC 5321, 30 s to 10 min",
  },
};

/** How messages go out: for the commands that send them. */
export const FLOW_OPTIONS: Readonly<Record<"pipelining" | "chunking" | "window", OptionSpec>> = {
  pipelining: {
    kind: "text",
    group: GROUP,
    choices: ["auto", "transaction", "off"],
    describe: "groups of commands: across messages, within one, or none",
  },
  chunking: {
    kind: "text",
    group: GROUP,
    choices: ["auto", "strict", "off"],
    describe: "texts with BDAT: in bursts, behind the replies to RCPT, or not",
  },
  window: { kind: "text", group: GROUP, describe: "messages in flight at most in one session; default 1024" },
};

/** A server as the command line names it: what is in files is not read yet. */
export interface ServerPlan {
  /** Options without what the files hold. */
  readonly session: SessionOptions;
  readonly user?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly oauth: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads what the options say of a server. @throws CommandFailure that names the option */
export function planServer(
  url: string,
  given: Given,
  env: Readonly<Record<string, string | undefined>>,
): ServerPlan {
  const named = fromUrl(url);
  const userGiven = given.text("user");
  if (userGiven !== undefined && named.user !== undefined) {
    throw usageFailure("--user is given, and the server's URL names a user too: leave one of them away");
  }
  const user = userGiven ?? named.user;
  const passwordFile = given.text("password-file");
  if (user === undefined && (passwordFile !== undefined || given.flag("oauth"))) {
    const option = passwordFile === undefined ? "--oauth" : "--password-file";
    throw usageFailure(`${option} needs a user: write --user NAME`);
  }
  if (named.password !== undefined && passwordFile !== undefined) {
    throw usageFailure(
      "--password-file is given, and the server's URL has a password too: leave it out of the URL",
    );
  }
  const password = named.password ?? (passwordFile === undefined ? env["SMTP_PASSWORD"] : undefined);
  if (user !== undefined && passwordFile === undefined && !password) {
    throw usageFailure(`--user ${user}: no password. Put it in SMTP_PASSWORD, or write --password-file FILE`);
  }
  return {
    session: { ...named.session, ...sessionOptions(given) },
    oauth: given.flag("oauth"),
    ...(user !== undefined && { user }),
    ...(user !== undefined && password !== undefined && { password }),
    ...defined({
      passwordFile,
      ca: given.text("ca"),
      cert: given.text("cert"),
      key: given.text("key"),
    }),
  };
}

function sessionOptions(given: Given): SessionOptions {
  const timeout = given.milliseconds("timeout");
  const messages = given.integer("window");
  const servername = given.text("servername");
  return {
    ...defined({
      tls: given.text("tls") as TlsMode | undefined,
      name: given.text("name"),
      localAddress: given.text("local-address"),
      pipelining: given.text("pipelining") as PipeliningMode | undefined,
      chunking: given.text("chunking") as ChunkingMode | undefined,
    }),
    ...(given.flag("insecure-auth") && { allowInsecureAuth: true }),
    ...(messages !== undefined && { window: { messages } }),
    ...(servername !== undefined && { tlsOptions: { servername } }),
    ...(timeout !== undefined && { timeouts: everyReply(timeout) }),
  };
}

function everyReply(timeout: number): SessionOptions["timeouts"] {
  return {
    connect: timeout,
    tls: timeout,
    greeting: timeout,
    command: timeout,
    mail: timeout,
    rcpt: timeout,
    data: timeout,
    message: timeout,
  };
}

/** Reads the files that a plan names. @throws CommandFailure where one can't be read, or an option is unfit */
export async function loadServer(plan: ServerPlan): Promise<SessionOptions> {
  const { user, oauth, ca, cert, key, session } = plan;
  const secret =
    plan.passwordFile === undefined
      ? plan.password
      : firstLine(await contents("password-file", plan.passwordFile), plan.passwordFile);
  const auth =
    user === undefined || secret === undefined
      ? undefined
      : oauth
        ? { user, accessToken: secret }
        : { user, pass: secret };
  const tlsOptions = {
    ...session.tlsOptions,
    ...(ca !== undefined && { ca: await contents("ca", ca) }),
    ...(cert !== undefined && { cert: await contents("cert", cert) }),
    ...(key !== undefined && { key: await contents("key", key) }),
  };
  const options: SessionOptions = {
    ...session,
    ...(auth !== undefined && { auth }),
    ...(Object.keys(tlsOptions).length > 0 && { tlsOptions }),
  };
  try {
    new SmtpSession(options); // checks them, and opens nothing
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw usageFailure(optionNamed(error.message));
  }
  return options;
}

/** What the library calls an option, as the command line calls it. */
function optionNamed(message: string): string {
  return message.replace(/^options\.(\w+)/, (_, name: string) => OPTION_OF[name] ?? `the server's ${name}`);
}

const OPTION_OF: Readonly<Record<string, string>> = {
  auth: "--user and its password:",
  name: "--name",
  localAddress: "--local-address",
  tls: "--tls",
};

async function contents(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CommandFailure(EX.CONFIG, `--${option} ${file} can't be read: ${errorText(cause)}`, { cause });
  }
}

function firstLine(text: string, file: string): string {
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line === "") throw new CommandFailure(EX.CONFIG, `--password-file ${file}: its first line is empty`);
  return line;
}

interface Named {
  readonly session: SessionOptions;
  readonly user?: string;
  readonly password?: string;
}

const SCHEMES: Readonly<Record<string, Pick<SessionOptions, "protocol" | "tls">>> = {
  "smtp:": {},
  "smtps:": { tls: "implicit" },
  "lmtp:": { protocol: "lmtp" },
};

/** Reads a server's URL. What stands before an @ in it may be a password, and is never shown. */
function fromUrl(given: string): Named {
  const text = given.includes("://") ? given : `smtp://${given}`;
  const unfit = usageFailure(
    `${given.replace(/^(.*?:\/\/)?.*@/s, "$1***@")} is no server: write ${SERVER_SHAPES}`,
  );
  if (!URL.canParse(text)) throw unfit;
  const url = new URL(text);
  if (url.protocol === "lmtp+unix:" && url.host === "" && url.pathname.length > 1) {
    return { session: { protocol: "lmtp", socketPath: decoded(url.pathname) } };
  }
  const scheme = Object.hasOwn(SCHEMES, url.protocol) ? SCHEMES[url.protocol] : undefined;
  const bare = url.search === "" && url.hash === "" && /^\/?$/.test(url.pathname);
  if (scheme === undefined || url.hostname === "" || !bare) throw unfit;
  return {
    session: {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      ...(url.port !== "" && { port: Number(url.port) }),
      ...scheme,
    },
    ...(url.username !== "" && { user: decoded(url.username) }),
    ...(url.password !== "" && { password: decoded(url.password) }),
  };
}

/** Its text is not shown: it may be a password. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usageFailure("The server's URL is not percent-encoded as it should be: write %25 for a %");
  }
}

function defined<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** A server as it may be shown. */
export function shownServer({ host, port, socketPath }: SessionOptions): string {
  return socketPath ?? `${host}${port === undefined ? "" : `:${port}`}`;
}
