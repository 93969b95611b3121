import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { onTestFinished } from "vitest";

export interface BurstPeerOptions {
  /** What is said to RCPT of this address. Default: 250. */
  readonly toRcpt?: (address: string) => string | undefined;
  /** What is said to LAST of this text. Default: 250. */
  readonly toText?: (text: string) => string | undefined;
}

/**
 * A server that offers PIPELINING and CHUNKING, is sound, and counts what it hears and says. It can keep its replies
 * back, and stop reading. Independent of src on purpose.
 */
export class BurstPeer {
  /** Commands by verb, with LAST among `BDAT`. */
  readonly heard: Record<string, number> = {};
  /** Replies by the verb that they answer and their class: `RCPT 5xx`. Those kept back are not counted yet. */
  readonly said: Record<string, number> = {};
  octetsHeard = 0;
  octetsSaid = 0;
  /** How many texts came to their end: the discard probe's is none. */
  texts = 0;
  /** Whom a text was accepted for, in order. */
  readonly delivered: string[] = [];
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  readonly #options: BurstPeerOptions;
  readonly #waiting: { readonly condition: () => boolean; readonly done: () => void }[] = [];
  #socket: Socket | undefined;
  #input: Buffer[] = [];
  #inputOctets = 0;
  #needed = 0;
  #kept: { readonly verb: string; readonly reply: string }[] = [];
  #holding = false;
  #sender = false;
  #recipients: string[] = [];

  private constructor(options: BurstPeerOptions) {
    this.#options = options;
  }

  static async start(options: BurstPeerOptions = {}): Promise<BurstPeer> {
    const peer = new BurstPeer(options);
    await new Promise<void>((resolve) => peer.#server.listen(0, "127.0.0.1", resolve));
    onTestFinished(async () => {
      peer.cut();
      await new Promise((resolve) => peer.#server.close(resolve));
    });
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Replies that it owes, and keeps back. */
  get owed(): number {
    return this.#kept.length;
  }

  /** Keeps its replies back from now on. */
  hold(): void {
    this.#holding = true;
  }

  /** Says what it kept back, in one write: all of it, or so many replies and goes on to keep the others back. */
  answer(replies: number = Number.POSITIVE_INFINITY): void {
    this.#holding = replies < this.#kept.length;
    this.#say(replies);
  }

  /** Reads no more. */
  stopReading(): void {
    this.#socket?.pause();
  }

  readOn(): void {
    this.#socket?.resume();
  }

  /** Drops the connection; with `"end"` in good order. */
  cut(how: "end" | "reset" = "reset"): void {
    if (how === "end") this.#socket?.end();
    else this.#socket?.resetAndDestroy();
  }

  /** Fulfils when this is so, looked at whenever octets have come. */
  when(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ condition, done }));
  }

  #serve(socket: Socket): void {
    this.#socket = socket;
    this.#input = [];
    this.#inputOctets = 0;
    this.#kept = [];
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
    socket.on("data", (octets) => {
      this.octetsHeard += octets.length;
      this.#input.push(octets);
      this.#inputOctets += octets.length;
      if (this.#inputOctets >= this.#needed) this.#read();
      if (!this.#holding) this.#say();
      for (const each of [...this.#waiting]) {
        if (!each.condition()) continue;
        this.#waiting.splice(this.#waiting.indexOf(each), 1);
        each.done();
      }
    });
    this.#reply("greeting", "220 burst.example ESMTP");
    this.#say();
  }

  #read(): void {
    const input = Buffer.concat(this.#input);
    let at = 0;
    this.#needed = 0;
    for (;;) {
      const end = input.indexOf("\r\n", at);
      if (end === -1) break;
      const line = input.toString("latin1", at, end);
      const [, size, last] = /^BDAT (\d+)( LAST)?$/.exec(line) ?? [];
      const next = end + 2 + Number(size ?? 0);
      if (next > input.length) {
        this.#needed = next - at;
        break;
      }
      at = next;
      const [verb = ""] = line.split(" ");
      this.heard[verb] = (this.heard[verb] ?? 0) + 1;
      if (size !== undefined) this.#chunk(input.subarray(end + 2, next), last !== undefined);
      else this.#command(verb, line);
    }
    this.#input = [input.subarray(at)];
    this.#inputOctets = input.length - at;
  }

  #chunk(octets: Buffer, last: boolean): void {
    if (this.#recipients.length === 0) this.#reply("BDAT", "503 5.5.1 no recipients");
    else if (!last) this.#reply("BDAT", `250 2.0.0 ${octets.length} octets`);
    else {
      const refusal = this.#options.toText?.(octets.toString("latin1"));
      if (refusal === undefined) this.delivered.push(...this.#recipients);
      this.#reply("BDAT", refusal ?? "250 2.6.0 queued");
    }
    if (last && octets.toString("latin1", 0, 6) !== "XPRB\r\n") this.texts++;
    if (last) this.#reset();
  }

  #reset(): void {
    this.#sender = false;
    this.#recipients = [];
  }

  #command(verb: string, line: string): void {
    const address = /<(.*)>/.exec(line)?.[1] ?? "";
    switch (verb) {
      case "EHLO":
        this.#reply(verb, "250-burst.example\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING");
        break;
      case "MAIL":
        this.#reply(verb, this.#sender ? "503 5.5.1 nested MAIL" : "250 2.1.0 ok");
        this.#sender = true;
        break;
      case "RCPT": {
        const refusal = this.#sender ? this.#options.toRcpt?.(address) : "503 5.5.1 no MAIL";
        if (refusal === undefined) this.#recipients.push(address);
        this.#reply(verb, refusal ?? "250 2.1.5 ok");
        break;
      }
      case "RSET":
        this.#reset();
        this.#reply(verb, "250 2.0.0 reset");
        break;
      case "QUIT":
        this.#reply(verb, "221 2.0.0 bye");
        break;
      default:
        this.#reply(verb, "500 5.5.2 what?");
    }
  }

  #reply(verb: string, reply: string): void {
    this.#kept.push({ verb, reply });
  }

  #say(most: number = Number.POSITIVE_INFINITY): void {
    const said = this.#kept.splice(0, most);
    if (said.length === 0) return;
    for (const { verb, reply } of said) {
      const kind = `${verb} ${reply[0]}xx`;
      this.said[kind] = (this.said[kind] ?? 0) + 1;
    }
    const octets = said.map(({ reply }) => `${reply}\r\n`).join("");
    this.octetsSaid += octets.length;
    this.#socket?.write(octets, "latin1");
  }
}
