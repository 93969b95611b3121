import { Socket } from "node:net";
import {
  BoundedPeerMemory,
  type Delivery,
  type Message,
  type RecipientResult,
  type SessionOptions,
  SmtpSession,
} from "smtp-pipelining";
import { createScriptedServer, type ScriptedServer } from "smtp-pipelining/testing";
import { expect, onTestFinished } from "vitest";
import { EventLog } from "./scripted-peer/event-log.ts";

/** Longer than anything takes on a slow machine: what did not happen by then does not happen. */
const PATIENCE = 8_000;

/** What the caller of a session does in a conversation. */
export interface Caller {
  readonly session: SmtpSession;
  /** Queues a message; its delivery is among the outcome's. */
  send(message: Message): Promise<Delivery>;
}

export interface ConversationOptions {
  readonly session?: SessionOptions;
  /** What the script's `-- name` lines do. */
  readonly actions?: Readonly<Record<string, (caller: Caller) => unknown>>;
  /** What is done with the session. Default: all messages are queued, then waited for. At the end comes quit(). */
  readonly run?: (caller: Caller) => Promise<unknown>;
}

export interface Outcome {
  readonly deliveries: readonly Delivery[];
  /** One line per recipient, in the order of messages and recipients: see {@link fate}. */
  readonly fates: readonly string[];
  readonly log: EventLog;
  /** The codes of the warnings. */
  readonly warnings: readonly string[];
  /** The code of the error that the session failed with. */
  readonly error: string | undefined;
  /** The reason of `close`. */
  readonly reason: string | undefined;
}

/** The beginning of a conversation with a server that offers these extensions. */
export function hello(...extensions: readonly string[]): string {
  const lines = ["peer.example", ...extensions];
  return `
    S: 220 peer.example ESMTP
    C: EHLO client.example
    ${lines.map((line, i) => `S: 250${i < lines.length - 1 ? "-" : " "}${line}`).join("\n")}`;
}

/** A server that says PIPELINING, and nothing else. */
export const HELLO: string = hello("PIPELINING");

export const BYE = `
    C: QUIT
    S: 221 bye`;

/** A message of its own for each number: from a1, to b1, with the text "Text 1". */
export function message(n: number, more: Partial<Message> = {}): Message {
  return { id: `m${n}`, from: `a${n}@example.org`, to: `b${n}@example.net`, data: `Text ${n}\r\n`, ...more };
}

/** "b1 succeeded 250", "b1 failed rcpt 450 retryable", "b1 failed connection ESMTP_TIMEOUT retryable", "b1 unknown …". */
export function fate(result: RecipientResult): string {
  const words = [result.address.replace(/@example\.net$/, ""), result.status];
  if (result.status === "failed") words.push(result.stage);
  if (result.status !== "unknown" && result.reply !== undefined) words.push(String(result.reply.code));
  if (result.status !== "succeeded" && result.error !== undefined) words.push(result.error.code);
  if (result.status === "failed" && result.retryable) words.push("retryable");
  return words.join(" ");
}

/** Fulfils when the session is closed. */
export function closed(session: SmtpSession): Promise<void> {
  return new Promise((resolve) => {
    session.on("close", () => resolve());
  });
}

/** A scripted server that lives for one test, and sessions to it: one for each conversation. */
export class ScriptedPeer {
  readonly #server: ScriptedServer;
  readonly #peers = new BoundedPeerMemory();

  private constructor(server: ScriptedServer) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedPeer> {
    const server = await createScriptedServer();
    const peer = new ScriptedPeer(server);
    onTestFinished(() => peer.#close());
    return peer;
  }

  get port(): number {
    return this.#server.port;
  }

  /** Holds a conversation and checks that it went as scripted, that nothing stays open, and that the events agree. */
  async conversation(
    messages: readonly Message[],
    script: string,
    options: ConversationOptions = {},
  ): Promise<Outcome> {
    const writes = new RecordedWrites(this.port);
    const session = new SmtpSession({
      host: "127.0.0.1",
      port: this.port,
      name: "client.example",
      peers: this.#peers,
      ...(records(script) && { connectSocket: () => writes.connect() }),
      ...options.session,
    });
    const log = new EventLog(session);
    const promises: Promise<Delivery>[] = [];
    const caller: Caller = {
      session,
      send: (each) => {
        const late = session.state === "closed";
        const promise = session.pipeline(each);
        promise.then((delivery) => (late ? log.untold(delivery) : log.fulfilled(delivery)));
        promises.push(promise);
        return promise;
      },
    };
    const end = closed(session);

    const scripted = this.#play(script, writes, caller, log, options.actions ?? {});
    // A script that goes wrong ends the conversation at once.
    scripted.catch(() => session.destroy());
    const run = options.run ?? (() => Promise.all(messages.map((each) => caller.send(each))));
    const called = run(caller).then(() => session.quit());
    const done = Promise.all([scripted, called, end]);
    await Promise.race([done, this.#impatience()]).finally(() => {
      clearTimeout(this.#timer);
      session.destroy();
    });

    const deliveries = await Promise.all(promises);
    expect(session.state).toBe("closed");
    expect(session.pending).toBe(0);
    log.check();
    return outcome(deliveries, log);
  }

  #play(
    script: string,
    writes: RecordedWrites,
    caller: Caller,
    log: EventLog,
    actions: NonNullable<ConversationOptions["actions"]>,
  ): Promise<void> {
    const { session } = caller;
    return this.#server.play(script, {
      repliesNoticed: () => (session.state === "closed" ? Number.POSITIVE_INFINITY : log.of("reply").length),
      ...(records(script) && { writes: () => writes.ends }),
      actions: Object.fromEntries(
        Object.entries(actions).map(([name, action]) => [name, () => action(caller)]),
      ),
    });
  }

  #timer: NodeJS.Timeout | undefined;

  #impatience(): Promise<never> {
    return new Promise((_, reject) => {
      this.#timer = setTimeout(() => {
        reject(new Error(`nothing happens any more\n\n${this.#server.transcript.join("\n")}\n`));
      }, PATIENCE);
    });
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#server.close();
  }
}

/** One conversation with a scripted peer: see {@link createScriptedServer} for the language. */
export async function conversation(
  messages: readonly Message[],
  script: string,
  options: ConversationOptions = {},
): Promise<Outcome> {
  const peer = await ScriptedPeer.start();
  return peer.conversation(messages, script, options);
}

/** Whether a script asks what left in the same write. */
function records(script: string): boolean {
  return /^\s*C\+ /m.test(script);
}

function outcome(deliveries: readonly Delivery[], log: EventLog): Outcome {
  return {
    deliveries,
    fates: deliveries.flatMap(({ recipients }) => recipients.map(fate)),
    log,
    warnings: log.of("warning").map(({ code }) => code),
    error: log.of("error")[0]?.error.code,
    reason: log.of("close")[0]?.reason,
  };
}

/** Where the writes of a connection end: what one system call takes leaves in one segment where it fits. */
class RecordedWrites {
  readonly ends: number[] = [];
  readonly #port: number;
  #octets = 0;

  constructor(port: number) {
    this.#port = port;
  }

  connect(): Promise<Socket> {
    const socket = new RecordingSocket((octets) => {
      this.#octets += octets;
      this.ends.push(this.#octets);
    });
    return new Promise((resolve, reject) => {
      socket.once("error", reject).once("connect", () => resolve(socket));
      socket.connect({ host: "127.0.0.1", port: this.#port, noDelay: true });
    });
  }
}

class RecordingSocket extends Socket {
  readonly #wrote: (octets: number) => void;

  constructor(wrote: (octets: number) => void) {
    super({ allowHalfOpen: true });
    this.#wrote = wrote;
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#wrote(chunk.length);
    super._write(chunk, encoding, callback);
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#wrote(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
    super._writev?.(chunks, callback);
  }
}
