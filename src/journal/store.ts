import type { ClassicLevel, BatchOperation as Operation } from "classic-level";
import { SmtpError } from "../protocol/errors.ts";
import { causeText } from "../session/check.ts";
import { inspect } from "./intact.ts";
import { VERSION, VERSION_KEY } from "./keys.ts";

/** One change of what is stored. */
export type Change = Operation<ClassicLevel, string, string | Uint8Array>;

/** Octets that are read without a thread. */
const READ_AT_ONCE = 65_536;

/** A store of LevelDB, whose writes go out in groups: who comes while one is under way goes with the next. */
export class Store {
  readonly #level: ClassicLevel;
  readonly #folder: string;
  #changes: Change[] = [];
  /** Who waits until what was changed is on the disk. */
  #waiting: { resolve(): void; reject(error: SmtpError): void }[] = [];
  #written: (() => void)[] = [];
  #running = false;
  #idle: (() => void)[] = [];
  #error: SmtpError | undefined;

  private constructor(level: ClassicLevel, folder: string) {
    this.#level = level;
    this.#folder = folder;
  }

  /** @throws SmtpError `ESMTP_JOURNAL`, `ESMTP_JOURNAL_LOCKED`, `ESMTP_JOURNAL_DAMAGED` */
  static async open(folder: string): Promise<Store> {
    const { ClassicLevel } = await driver();
    const found = await inspect(folder).catch((error: unknown) => {
      throw storeError(error, folder);
    });
    if (found?.problem !== undefined) throw damaged(folder, found.problem);
    const level = new ClassicLevel(folder, { createIfMissing: found === undefined });
    try {
      await level.open();
      const version = await level.get(VERSION_KEY);
      if (version === undefined) await begin(level, folder, found !== undefined);
      else if (version !== VERSION) {
        throw new SmtpError(
          "ESMTP_JOURNAL",
          `The journal ${folder} was written by another version of this package (${version})`,
        );
      }
      const store = new Store(level, folder);
      await store.#prove();
      return store;
    } catch (error) {
      await level.close().catch(() => undefined);
      throw storeError(error, folder);
    }
  }

  /** What a write failed with: nothing can be written any more. */
  get error(): SmtpError | undefined {
    return this.#error;
  }

  /** Says that a record is there and has no sense. */
  damaged(what: string): SmtpError {
    return damaged(this.#folder, what);
  }

  // What is short is read at once: it takes some microseconds, mostly from memory, and a thread's answer takes longer.

  get(key: string): string | undefined {
    try {
      return this.#level.getSync(key);
    } catch (error) {
      throw storeError(error, this.#folder);
    }
  }

  /** @param octets how long it is, as far as is known */
  async bytes(key: string, octets: number): Promise<Uint8Array | undefined> {
    const encoding = { valueEncoding: "view" } as const;
    try {
      if (octets <= READ_AT_ONCE) return this.#level.getSync<string, Uint8Array>(key, encoding);
      return await this.#level.get<string, Uint8Array>(key, encoding);
    } catch (error) {
      throw storeError(error, this.#folder);
    }
  }

  /** The keys in a range, as they were when it began. */
  async *keys(options: {
    readonly gt: string;
    readonly lt: string;
  }): AsyncGenerator<string, void, undefined> {
    try {
      for await (const key of this.#level.keys(options)) yield key;
    } catch (error) {
      throw storeError(error, this.#folder);
    }
  }

  /** Some of the first keys in a range. */
  async some(
    options: { readonly gt: string; readonly lt: string; readonly reverse?: boolean },
    most: number,
  ): Promise<string[]> {
    try {
      return await this.#level.keys({ ...options, limit: most }).all();
    } catch (error) {
      throw storeError(error, this.#folder);
    }
  }

  /**
   * Writes soon. Once that is done, the end of the process does it no harm.
   * @param written is called then
   */
  write(changes: readonly Change[], written: () => void = () => undefined): void {
    if (this.#error !== undefined) return;
    this.#changes.push(...changes);
    this.#written.push(written);
    this.#run();
  }

  /** Writes, and fulfils when it is on the disk, with everything that was written before. */
  sync(changes: readonly Change[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        reject(this.#error);
        return;
      }
      this.#changes.push(...changes);
      this.#waiting.push({ resolve, reject });
      this.#run();
    });
  }

  /** Writes what is still to be written, and closes. */
  async close(): Promise<void> {
    while (this.#running) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#level.close().catch((error: unknown) => {
      throw storeError(error, this.#folder);
    });
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    // What happens in one turn goes together.
    setImmediate(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    while (this.#error === undefined && (this.#changes.length > 0 || this.#waiting.length > 0)) {
      const changes = this.#changes;
      const waiting = this.#waiting;
      const written = this.#written;
      this.#changes = [];
      this.#waiting = [];
      this.#written = [];
      try {
        await this.#level.batch(changes, { sync: waiting.length > 0, valueEncoding: "view" });
        for (const tell of written) tell();
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        const failure = storeError(error, this.#folder);
        this.#error = failure;
        for (const { reject } of [...waiting, ...this.#waiting]) reject(failure);
      }
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** A store that can be read but not written shows it now, not at the first message. */
  async #prove(): Promise<void> {
    await this.sync([]);
  }
}

async function driver(): Promise<typeof import("classic-level")> {
  try {
    return await import("classic-level");
  } catch (cause) {
    const message = "The journal needs the package classic-level: npm install classic-level";
    throw new SmtpError("ESMTP_JOURNAL", message, { cause });
  }
}

/** A new store. One that was there and does not say what it is is somebody else's, or has lost its beginning. */
async function begin(level: ClassicLevel, folder: string, used: boolean): Promise<void> {
  if (used) throw damaged(folder, "it is no journal, or has lost its beginning");
  await level.put(VERSION_KEY, VERSION, { sync: true });
}

function damaged(folder: string, what: string, cause?: unknown): SmtpError {
  return new SmtpError(
    "ESMTP_JOURNAL_DAMAGED",
    `The journal ${folder} is damaged: ${what}. Nothing was changed, and nothing is sent from it: restore it from a ` +
      "copy, or begin a new one, knowing that it can't tell any more who got what",
    { cause },
  );
}

/** What LevelDB says, as an error that says what to do. */
function storeError(error: unknown, folder: string): SmtpError {
  if (error instanceof SmtpError) return error;
  const cause = deepest(error);
  const text = causeText(cause);
  const code = (cause as { readonly code?: unknown }).code;
  if (code === "LEVEL_LOCKED") {
    const message = `The journal ${folder} is open already, here or in another process: end that one first`;
    return new SmtpError("ESMTP_JOURNAL_LOCKED", message, { cause: error });
  }
  if (code === "LEVEL_CORRUPTION" || /corrupt|missing|checksum|CURRENT|create_if_missing/i.test(text)) {
    return damaged(folder, text, error);
  }
  const message = `The journal ${folder} can't be used: ${text}. Nothing is sent without it; see that it can be written`;
  return new SmtpError("ESMTP_JOURNAL", message, { cause: error, retryable: true });
}

/** What really happened stands in the cause of "Database failed to open". */
function deepest(error: unknown): unknown {
  let at = error;
  while (at instanceof Error && at.cause !== undefined) at = at.cause;
  return at;
}
