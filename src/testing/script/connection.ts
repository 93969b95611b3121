import type { Socket } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { Step } from "./language.ts";

/** What a scripted server can know of its client beside the octets. All of it may be missing. */
export interface ClientView {
  /**
   * How many replies the client has noticed, infinity once it is closed: so that the server sees what the client sends
   * too early, however busy the machine is. Default: it gives the client a few turns of the event loop.
   */
  repliesNoticed?(): number;
  /** Where in the client's octets each of its writes ended: what `C+` needs to know. */
  writes?(): readonly number[];
  /** What the script's lines `-- name` do, by name. */
  readonly actions?: Readonly<Record<string, () => unknown>>;
}

/** Turns of the event loop in which octets on their way arrive, and what they bring about too. */
const TURNS = 4;
const MOST_TURNS = 200;

/** Milliseconds between two octets that drip in. */
const DRIP = 5;

const CHUNK = /^BDAT (\d+)( LAST)?\r\n$/;

/** One connection of a scripted server, from its acceptance to its end. */
export class ScriptedConnection {
  readonly transcript: string[] = [];
  readonly #socket: Socket;
  readonly #client: ClientView;
  #input = "";
  #consumed = 0;
  #ended = false;
  #repliesSent = 0;
  #said = "";
  #wake: () => void = () => undefined;

  constructor(socket: Socket, client: ClientView) {
    this.#socket = socket;
    this.#client = client;
    socket.setNoDelay(true);
    socket.on("data", (octets: Buffer) => {
      this.#input += octets.toString("latin1");
      this.#wake();
    });
    const ended = (): void => {
      this.#ended = true;
      this.#wake();
    };
    // A client that drops the connection resets it where it had not read everything: an end like any other.
    socket.on("end", ended).on("error", ended).on("close", ended);
  }

  /** Runs the script to its end. Rejects at the first step that goes another way. */
  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind === "say") await this.#say(step.octets);
      else if (step.kind === "hear") await this.#hear(step.line, step.sameWrite);
      else if (step.kind === "hearOctets") await this.#hearOctets(step.octets);
      else if (step.kind === "hearChunks") await this.#hearChunks(step.octets);
      else await this.#act(step.name);
    }
    await this.#clientCloses();
    this.#socket.destroy();
  }

  async #say(octets: string): Promise<void> {
    await this.#settle();
    this.#expectSilence("before the peer said this");
    this.#write(octets);
  }

  #write(octets: string): void {
    this.transcript.push(`S: ${JSON.stringify(octets)}`);
    this.#socket.write(octets, "latin1");
    this.#said += octets;
    const lines = this.#said.split("\n");
    this.#said = lines.pop() ?? "";
    this.#repliesSent += lines.filter((line) => /^\d{3}(?:[ \r]|$)/.test(line)).length;
  }

  async #hear(line: string, sameWrite: boolean): Promise<void> {
    const start = this.#consumed;
    const heard = await this.#takeLine(line);
    if (heard !== `${line}\r\n`) throw this.#fault(`${JSON.stringify(`${line}\r\n`)} was due`);
    if (!sameWrite) return;
    const writes = this.#client.writes?.();
    if (writes === undefined) throw this.#fault("the client's writes are not recorded");
    if (writes.includes(start)) throw this.#fault("it left in a write of its own");
  }

  /** One line of the client's, where a certain one is due. */
  async #takeLine(due: string): Promise<string> {
    let end = this.#input.indexOf("\n");
    while (end === -1 && !this.#ended) {
      await this.#more();
      end = this.#input.indexOf("\n");
    }
    if (end === -1) {
      if (this.#input !== "") this.transcript.push(`C: ${shown(this.#input)}`);
      throw this.#fault(`the client closed where ${JSON.stringify(due)} was due`);
    }
    return this.#take(end + 1);
  }

  #take(octets: number): string {
    const taken = this.#input.slice(0, octets);
    this.#input = this.#input.slice(octets);
    this.#consumed += taken.length;
    this.transcript.push(`C: ${shown(taken)}`);
    return taken;
  }

  async #hearOctets(octets: string): Promise<void> {
    while (this.#input.length < octets.length && octets.startsWith(this.#input)) {
      if (this.#ended) throw this.#fault(`the client closed where ${shown(octets)} was due`);
      await this.#more();
    }
    if (this.#take(octets.length) !== octets) throw this.#fault(`${shown(octets)} was due`);
  }

  async #hearChunks(octets: string): Promise<void> {
    for (let left = octets; ; ) {
      const line = await this.#takeLine("BDAT");
      const [, size, last] = CHUNK.exec(line) ?? [];
      if (size === undefined) throw this.#fault("BDAT was due");
      if (Number(size) > left.length) throw this.#fault(`${left.length} octets were left`);
      await this.#hearOctets(left.slice(0, Number(size)));
      left = left.slice(Number(size));
      if (last === undefined) this.#write("250 chunk\r\n");
      else if (left === "") return;
      else throw this.#fault(`${left.length} octets were left behind LAST`);
    }
  }

  /** Chunks to the end of the connection, none of them LAST and whole. */
  async #chunksNotEnded(): Promise<void> {
    this.#socket.resume();
    while (!this.#ended || this.#input !== "") {
      const whole = /^[^\n]*\n/.exec(this.#input)?.[0];
      const [, size, last] = CHUNK.exec(whole ?? "") ?? [];
      if (whole !== undefined && size === undefined) throw this.#fault(`${shown(this.#input)}: no chunk`);
      if (whole !== undefined && this.#input.length >= whole.length + Number(size)) {
        this.#take(whole.length + Number(size));
        if (last !== undefined) throw this.#fault("the text was ended");
        this.#write("250 chunk\r\n");
      } else if (this.#ended) {
        this.#take(this.#input.length);
      } else {
        await this.#more();
      }
    }
  }

  async #act(name: string): Promise<void> {
    if (name === "client closes") return this.#clientCloses();
    if (name === "text, not ended") return this.#textNotEnded();
    if (name === "chunks, not ended") return this.#chunksNotEnded();
    await this.#settle();
    this.transcript.push(`-- ${name}`);
    if (name === "close") this.#socket.end();
    else if (name === "reset") this.#socket.resetAndDestroy();
    else if (name === "stop reading") this.#socket.pause();
    else if (name === "drip") await this.#drip();
    else if (name !== "pause") {
      const action = this.#client.actions?.[name];
      if (action === undefined) throw this.#fault(`there is no action ${JSON.stringify(name)}`);
      await action();
    }
  }

  async #clientCloses(): Promise<void> {
    while (!this.#ended) {
      this.#expectSilence("where it was to close");
      await this.#more();
    }
    this.#expectSilence("before it closed");
    this.transcript.push("-- the client closes");
  }

  async #textNotEnded(): Promise<void> {
    // What had no room on the way comes now, and then the end.
    this.#socket.resume();
    while (!this.#ended) await this.#more();
    this.transcript.push(`C: ${this.#input.length} octets`);
    if (`\r\n${this.#input}`.includes("\r\n.\r\n")) throw this.#fault("the text was ended");
    this.#input = "";
  }

  async #drip(): Promise<void> {
    this.#socket.write("250-");
    while (!this.#ended) {
      this.#socket.write("x");
      await Promise.race([delay(DRIP), this.#more()]);
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Until the client has read what was sent, and what it wrote then has come. */
  async #settle(): Promise<void> {
    const noticed = (): number => this.#client.repliesNoticed?.() ?? Number.POSITIVE_INFINITY;
    for (let i = 0; i < MOST_TURNS && noticed() < this.#repliesSent; i++) await nextTurn();
    for (let i = 0; i < TURNS; i++) await nextTurn();
  }

  #expectSilence(when: string): void {
    if (this.#input === "") return;
    this.transcript.push(`C: ${shown(this.#input)}`);
    throw this.#fault(`the client sent this ${when}`);
  }

  #fault(what: string): Error {
    return new Error(`${what}\n\n${this.transcript.join("\n")}\n`);
  }
}

function shown(octets: string): string {
  return JSON.stringify(octets.length > 1_000 ? `${octets.slice(0, 1_000)}…` : octets);
}
