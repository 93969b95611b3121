import type { Socket } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { Step } from "./script.ts";

/** What the peer can see of the client beside the octets. */
export interface ClientView {
  /** How many replies the client has noticed; infinity once it is closed. */
  repliesNoticed(): number;
  /** Where in its octets each of its writes ended; undefined: its writes are not recorded. */
  writes(): readonly number[] | undefined;
  /** Actions of the test, by name. */
  readonly actions: Readonly<Record<string, () => unknown>>;
}

/** Turns of the event loop in which octets on their way arrive, and what they bring about too. */
const TURNS = 4;
const MOST_TURNS = 200;

/** Milliseconds between two octets that drip in. */
const DRIP = 5;

/** One connection of a scripted peer, from its acceptance to its end. */
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
      else await this.#act(step.name);
    }
    await this.#clientCloses();
    this.#socket.destroy();
  }

  async #say(octets: string): Promise<void> {
    await this.#settle();
    this.#expectSilence("before the peer said this");
    this.transcript.push(`S: ${JSON.stringify(octets)}`);
    this.#socket.write(octets, "latin1");
    this.#said += octets;
    const lines = this.#said.split("\n");
    this.#said = lines.pop() ?? "";
    this.#repliesSent += lines.filter((line) => /^\d{3}(?:[ \r]|$)/.test(line)).length;
  }

  async #hear(line: string, sameWrite: boolean): Promise<void> {
    const start = this.#consumed;
    let end = this.#input.indexOf("\n");
    while (end === -1 && !this.#ended) {
      await this.#more();
      end = this.#input.indexOf("\n");
    }
    if (end === -1) throw this.#fault(`the client closed where ${JSON.stringify(line)} was due`);
    const heard = this.#input.slice(0, end + 1);
    this.#input = this.#input.slice(end + 1);
    this.#consumed += heard.length;
    this.transcript.push(`C: ${JSON.stringify(heard)}`);
    if (heard !== `${line}\r\n`) throw this.#fault(`${JSON.stringify(`${line}\r\n`)} was due`);
    if (!sameWrite) return;
    const writes = this.#client.writes();
    if (writes === undefined) throw this.#fault("the client's writes are not recorded");
    if (writes.includes(start)) throw this.#fault("it left in a write of its own");
  }

  async #act(name: string): Promise<void> {
    if (name === "client closes") return this.#clientCloses();
    if (name === "text, not ended") return this.#textNotEnded();
    await this.#settle();
    this.transcript.push(`-- ${name}`);
    if (name === "close") this.#socket.end();
    else if (name === "reset") this.#socket.resetAndDestroy();
    else if (name === "stop reading") this.#socket.pause();
    else if (name === "drip") await this.#drip();
    else if (name !== "pause") {
      const action = this.#client.actions[name];
      if (action === undefined) throw this.#fault(`the test has no action ${JSON.stringify(name)}`);
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
    for (let i = 0; i < MOST_TURNS && this.#client.repliesNoticed() < this.#repliesSent; i++)
      await nextTurn();
    for (let i = 0; i < TURNS; i++) await nextTurn();
  }

  #expectSilence(when: string): void {
    if (this.#input === "") return;
    this.transcript.push(`C: ${JSON.stringify(this.#input.slice(0, 1_000))}`);
    throw this.#fault(`the client sent this ${when}`);
  }

  #fault(what: string): Error {
    return new Error(`${what}\n\n${this.transcript.join("\n")}\n`);
  }
}
