import type { Window } from "../protocol/limits.ts";
import * as check from "../session/check.ts";
import {
  fromUrl,
  type ResolvedOptions,
  resolveOptions,
  SESSION_OPTIONS,
  type SessionOptions,
} from "../session/options.ts";
import type { Rate } from "./rate.ts";

/** A relay of a pool: where it is, and what its sessions do otherwise than the pool's options say. */
export interface Relay extends Omit<SessionOptions, "signal" | "lineEndings" | "journal"> {
  /** Its share among relays of the same preference. Default 1. */
  weight?: number | undefined;
  /** Lower is used first, as with MX records (RFC 5321 §5.1); a higher one only while no lower one is there. Default 0. */
  preference?: number | undefined;
  /** How fast it may be given mail: see {@link Rate}. Default: that of the pool. */
  rate?: Rate | undefined;
}

/** How long a relay is left alone that can't be reached: twice as long each time, less up to a half by chance. */
export interface Backoff {
  /** Milliseconds after the first failure. Default 500. */
  first: number;
  /** Milliseconds at most. Default 30 s. */
  most: number;
}

/** Options of a pool: those of its sessions, and its own. `host` (or what stands for it), or `relays`, is needed. */
export interface PoolOptions extends SessionOptions {
  /** Several relays, each with its options or as a URL; what they leave out the pool's options say. Excludes `host`. */
  relays?: readonly (Relay | string)[] | undefined;
  /** Connections at most, over all relays. Another is opened only when those there are have all they can take. Default 4. */
  connections?: number | undefined;
  /** Messages that a session carries before another takes its place. Default: what LIMITS MAILMAX says, else no bound. */
  maxMessages?: number | undefined;
  /** Milliseconds after which a session is replaced; up to a tenth less by chance, so that not all go at once. Default: never. */
  maxAge?: number | undefined;
  /** Milliseconds without a message after which a session ends. Default 60 s. */
  maxIdle?: number | undefined;
  /**
   * Milliseconds without a message after which a session is asked with NOOP before it is given one: on a connection
   * that nobody keeps any more its fate would be unknown. Default 10 s.
   */
  idleProbe?: number | undefined;
  /** How fast a relay may be given mail. Default: as fast as it takes it. */
  rate?: Rate | undefined;
  /** Whether a relay is given less that refuses for now because it is given too much. Default true. */
  pacing?: boolean | undefined;
  /** What may be unsettled before `ready()` waits: default 10,000 messages, 256 MiB. `window` is that of each session. */
  queue?: Partial<Window> | undefined;
  /** How often a message is begun that fails with its connection. Default 5. */
  attempts?: number | undefined;
  /** Milliseconds that messages wait while no relay can be reached; then they fail (connection, retryable). Default 60 s. */
  patience?: number | undefined;
  /** How long a relay is left alone that can't be reached. */
  backoff?: Partial<Backoff> | undefined;
}

/** A relay with every default filled in. */
export interface ResolvedRelay {
  readonly options: SessionOptions;
  readonly session: ResolvedOptions;
  readonly weight: number;
  readonly preference: number;
  readonly rate: Rate | undefined;
}

/** Options of a pool with every default filled in. */
export interface ResolvedPoolOptions {
  readonly relays: readonly ResolvedRelay[];
  readonly connections: number;
  readonly maxMessages: number;
  readonly maxAge: number | undefined;
  readonly maxIdle: number;
  readonly idleProbe: number;
  readonly pacing: boolean;
  readonly queue: Window;
  readonly attempts: number;
  readonly patience: number;
  readonly backoff: Backoff;
  readonly lineEndings: ResolvedOptions["lineEndings"];
  readonly journal: ResolvedOptions["journal"];
  readonly signal: AbortSignal | undefined;
}

const DEFAULTS = {
  connections: 4,
  maxIdle: 60_000,
  idleProbe: 10_000,
  attempts: 5,
  patience: 60_000,
  queue: { messages: 10_000, bytes: 256 * 1_048_576 },
  backoff: { first: 500, most: 30_000 },
};

const perSecond: check.Check = (value) =>
  typeof value === "number" && value > 0 && Number.isFinite(value) ? undefined : "must be a number above 0";

const RATE: Record<keyof Rate, check.Check> = {
  messages: perSecond,
  recipients: perSecond,
  burst: check.integer(1),
};

const rate: check.Check = check.record(RATE, "rate");

type PoolOnly = Exclude<keyof PoolOptions, keyof SessionOptions>;

const POOL_FIELDS: Record<PoolOnly, check.Check> = {
  relays: (value) => (Array.isArray(value) && value.length > 0 ? undefined : "must be an array of relays"),
  connections: check.integer(1),
  maxMessages: check.integer(1),
  maxAge: check.milliseconds,
  maxIdle: check.milliseconds,
  idleProbe: check.milliseconds,
  rate,
  pacing: check.boolean,
  queue: check.record({ messages: check.integer(1), bytes: check.integer(1) }, "queue"),
  attempts: check.integer(1),
  patience: check.milliseconds,
  backoff: check.record({ first: check.milliseconds, most: check.milliseconds }, "backoff"),
};

type RelayOnly = Exclude<keyof Relay, keyof SessionOptions>;

const RELAY_FIELDS: Record<RelayOnly, check.Check> = {
  weight: perSecond,
  preference: check.integer(0),
  rate,
};

const NOT_OF_A_RELAY = ["signal", "lineEndings", "journal"];

/** What says where a connection goes: the pool's, or each relay's. */
const WHERE = ["host", "port", "socketPath", "connectSocket"] as const;

/** Checks options and fills in the defaults. @throws TypeError that names the option */
export function resolvePoolOptions(given: PoolOptions | string): ResolvedPoolOptions {
  const options = typeof given === "string" ? fromUrl(given) : given;
  const { own, rest } = split(options, POOL_FIELDS, "options");
  const pool: Pick<PoolOptions, PoolOnly> = own;
  const session: SessionOptions = rest;
  const { signal, ...ofSession } = session;
  const relays = pool.relays;
  if (relays !== undefined) {
    const excluded = WHERE.find((name) => session[name] !== undefined);
    if (excluded !== undefined) {
      throw new TypeError(
        `options.${excluded} can't go with options.relays, which say where to connect: put it in each of them`,
      );
    }
  }
  const resolved =
    relays === undefined
      ? [resolveRelay({}, ofSession, pool.rate)]
      : relays.map((relay, i) => {
          try {
            return resolveRelay(relay, ofSession, pool.rate);
          } catch (cause) {
            if (!(cause instanceof TypeError)) throw cause;
            throw new TypeError(cause.message.replace(/^options\b/, `options.relays[${i}]`), { cause });
          }
        });
  // Whatever is unfit in it is found by the session's own check.
  const { lineEndings, journal } = resolved[0]?.session ?? { lineEndings: "normalize", journal: undefined };
  resolveOptions({ host: "localhost", signal });
  return {
    relays: resolved,
    connections: pool.connections ?? DEFAULTS.connections,
    maxMessages: pool.maxMessages ?? Number.POSITIVE_INFINITY,
    maxAge: pool.maxAge,
    maxIdle: pool.maxIdle ?? DEFAULTS.maxIdle,
    idleProbe: pool.idleProbe ?? DEFAULTS.idleProbe,
    pacing: pool.pacing ?? true,
    queue: { ...DEFAULTS.queue, ...present(pool.queue) },
    attempts: pool.attempts ?? DEFAULTS.attempts,
    patience: pool.patience ?? DEFAULTS.patience,
    backoff: { ...DEFAULTS.backoff, ...present(pool.backoff) },
    lineEndings,
    journal,
    signal,
  };
}

function resolveRelay(
  given: Relay | string,
  defaults: SessionOptions,
  usual: Rate | undefined,
): ResolvedRelay {
  const { own, rest } = split(typeof given === "string" ? fromUrl(given) : given, RELAY_FIELDS, "options");
  const relay: Pick<Relay, RelayOnly> = own;
  for (const name of NOT_OF_A_RELAY) {
    if (name in rest) throw new TypeError(`options.${name} is the pool's, not one relay's`);
  }
  const options: SessionOptions = { ...defaults, ...present(rest) };
  const session = resolveOptions(options);
  return {
    options,
    session,
    weight: relay.weight ?? 1,
    preference: relay.preference ?? 0,
    rate: relay.rate ?? usual,
  };
}

/** Parts the options of a table from those of a session. @throws TypeError for what is neither, or unfit */
function split(
  given: unknown,
  fields: Record<string, check.Check>,
  name: string,
): { readonly own: object; readonly rest: object } {
  // Those of a session are checked with it.
  const ofSession = Object.fromEntries(SESSION_OPTIONS.map((each) => [each, () => undefined]));
  const read = check.readRecord(given, { ...fields, ...ofSession }, name);
  const entries = Object.entries(read);
  const isOwn = ([each]: readonly [string, unknown]): boolean => Object.hasOwn(fields, each);
  return {
    own: Object.fromEntries(entries.filter(isOwn)),
    rest: Object.fromEntries(entries.filter((each) => !isOwn(each))),
  };
}

/** What is given, without what is there and undefined. */
function present<T extends object>(record: T | undefined): Partial<T> {
  const entries = Object.entries(record ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}
