import { usageFailure } from "../failure.ts";
import type { Given } from "../given.ts";
import type { FromQuoting, InputKind, InputOptions } from "../input/index.ts";
import { planServer, SERVER_SHAPES, type ServerPlan } from "../server.ts";

/** What is printed of the recipients. */
export type Printed = "all" | "failures" | "none";

/** Where metrics are served. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** A journal that a run goes on from. */
export interface JournalPlan {
  readonly folder: string;
  /** Whether those are to be sent to again whose fate is unknown. */
  readonly resendUnknown: boolean;
}

/** What a run of `send` is to do. */
export interface SendPlan {
  /** Files, directories, `-`. */
  readonly sources: readonly string[];
  readonly input: Pick<InputOptions, "kind" | "from" | "to" | "reversePath" | "quoting">;
  /** Missing in a dry run. */
  readonly server?: ServerPlan;
  readonly journal?: JournalPlan;
  readonly requireAll: boolean;
  readonly printed: Printed;
  readonly quiet: boolean;
  readonly connections: number;
  /** Messages a second. */
  readonly rate?: number;
  /** Milliseconds. */
  readonly patience?: number;
  readonly record?: string;
  readonly redact: boolean;
  readonly metrics?: MetricsAddress;
  readonly otlp?: string;
}

/** What the plan needs to know of its surroundings. */
interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard input is a terminal: then nobody means it to be read. */
  readonly typed: boolean;
}

const CONNECTIONS = 4;

/** @throws CommandFailure that names the option */
export function planSend(given: Given, { env, typed }: Surroundings): SendPlan {
  const files = given.texts("files");
  if (files.length === 0 && typed) {
    throw usageFailure("No files: write files or directories, or - for standard input");
  }
  const url = given.text("server") ?? env["SMTP_SERVER"];
  const dry = given.flag("dry-run");
  if (!url && !dry) throw usageFailure(`--server is missing: write --server ${SERVER_SHAPES.split(",")[0]}`);
  const record = given.text("record");
  if (record === undefined && given.flag("redact")) {
    throw usageFailure("--redact is for the page of --record: write --record FILE, too");
  }
  const journal = journalPlan(given, dry);
  const rate = given.integer("rate");
  const patience = given.milliseconds("patience");
  const metrics = given.text("metrics");
  const otlp = given.text("otlp");
  return {
    sources: files.length === 0 ? ["-"] : files,
    input: inputOptions(given),
    ...(!dry && url && { server: planServer(url, given, env) }),
    ...(journal !== undefined && { journal }),
    requireAll: given.flag("require-all"),
    printed: (given.text("print") ?? "all") as Printed,
    quiet: given.flag("quiet"),
    connections: given.integer("connections") ?? CONNECTIONS,
    ...(rate !== undefined && { rate }),
    ...(patience !== undefined && { patience }),
    ...(record !== undefined && { record }),
    redact: given.flag("redact"),
    ...(metrics !== undefined && { metrics: metricsAddress(metrics) }),
    ...(otlp !== undefined && { otlp: collector(otlp) }),
  };
}

function journalPlan(given: Given, dry: boolean): JournalPlan | undefined {
  const folder = given.text("journal");
  const resendUnknown = given.flag("resend-unknown");
  if (folder === undefined) {
    if (resendUnknown) throw usageFailure("--resend-unknown is for a journal: write --journal FOLDER, too");
    return undefined;
  }
  if (folder === "") throw usageFailure("--journal has an empty value: write --journal FOLDER");
  if (dry) throw usageFailure("--journal has no use in a dry run: leave it away");
  if (given.flag("require-all")) {
    // Those that are left after a refusal are no longer all.
    throw usageFailure("--require-all does not go together with --journal: leave one of them away");
  }
  return { folder, resendUnknown };
}

function inputOptions(given: Given): SendPlan["input"] {
  const from = given.text("from");
  const to = given.texts("to").map((address) => checked("to", address));
  const kind = given.text("kind");
  const quoting = given.text("quoting");
  const reversePath = given.text("reverse-path");
  return {
    ...(from !== undefined && { from: from === "" || from === "<>" ? "" : checked("from", from) }),
    ...(to.length > 0 && { to }),
    ...(kind !== undefined && { kind: kind as InputKind | "auto" }),
    ...(quoting !== undefined && { quoting: quoting as FromQuoting }),
    ...(reversePath !== undefined && { reversePath: reversePath as "envelope" | "header" }),
  };
}

/** Whether it may be an address at all: the session knows better, but only once for each message. */
function checked(option: "from" | "to", address: string): string {
  const bare = address.replace(/^<(.*)>$/s, "$1");
  if (/^[^"]*,/.test(bare))
    throw usageFailure(`--${option} ${address} is several addresses: write --to for each`);
  if (/^\S+@\S+$|^".+"@\S+$|^postmaster$/is.test(bare)) return bare;
  throw usageFailure(`--${option} ${address} is no address: write it as name@example.org`);
}

function metricsAddress(text: string): MetricsAddress {
  const [, host = "127.0.0.1", digits = ""] = /^(?:(.+):)?(\d+)$/.exec(text) ?? [];
  const port = digits === "" ? Number.NaN : Number(digits);
  if (!(port <= 65_535))
    throw usageFailure(`--metrics ${text} is no port: write --metrics 9464, or address:port`);
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
}

/** Where OTLP's traces go: a collector's URL without a path stands for its usual one. */
function collector(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw usageFailure(`--otlp ${text} is no collector: write --otlp http://127.0.0.1:4318`);
  }
  if (url.pathname === "/") url.pathname = "/v1/traces";
  return url.href;
}
