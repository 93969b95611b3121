import type { Duplex } from "node:stream";

const CRLF = "\r\n";

/** What a client sends, as lines, octets and texts: one character per octet. */
export class Input {
  #buffer = "";
  #stream: Duplex | undefined;
  #ended = false;
  #wake: () => void = () => undefined;
  readonly #beforeWaiting: () => void;

  /** @param beforeWaiting called whenever what is asked for has not come yet */
  constructor(beforeWaiting: () => void) {
    this.#beforeWaiting = beforeWaiting;
  }

  /** Takes what comes from a stream. */
  attach(stream: Duplex): void {
    this.#stream = stream;
    stream.on("data", this.#heard);
    stream.once("end", this.#over).once("close", this.#over);
  }

  /** Leaves the stream to somebody else. What came and was not read is dropped, RFC 3207 §4.2. */
  detach(): void {
    this.#stream?.off("data", this.#heard).off("end", this.#over).off("close", this.#over);
    this.#stream = undefined;
    this.#buffer = "";
  }

  /** Whether the client has ended its side, or is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The next line without its CRLF; undefined if none comes any more. */
  async line(): Promise<string | undefined> {
    let end = this.#buffer.indexOf(CRLF);
    while (end === -1) {
      if (!(await this.#more())) return undefined;
      end = this.#buffer.indexOf(CRLF);
    }
    return this.#take(end + 2).slice(0, -2);
  }

  /** So many octets; undefined if they do not come. */
  async octets(count: number): Promise<string | undefined> {
    while (this.#buffer.length < count) if (!(await this.#more())) return undefined;
    return this.#take(count);
  }

  /** A text to its dot, dot-stuffing undone; undefined if it does not come to its end. */
  async text(): Promise<string | undefined> {
    // The end of the line of DATA: a dot may stand right behind it.
    const parts = [CRLF];
    let tail = CRLF;
    for (;;) {
      const end = (tail + this.#buffer).indexOf("\r\n.\r\n");
      if (end !== -1) {
        parts.push(this.#take(end + 5 - tail.length));
        return parts
          .join("")
          .slice(2, -3)
          .replace(/(^|\r\n)\./g, "$1");
      }
      tail = (tail + this.#buffer).slice(-4);
      parts.push(this.#take(this.#buffer.length));
      if (!(await this.#more())) return undefined;
    }
  }

  /** The lines that have come and were not read are dropped. Returns them. */
  dropLines(): string[] {
    const lines = this.#take(this.#buffer.lastIndexOf(CRLF) + 2).split(CRLF);
    return lines.slice(0, -1);
  }

  /** Fulfils when the client has ended its side; what it still sends stays unread. */
  async end(): Promise<void> {
    while (await this.#more());
  }

  #take(count: number): string {
    const taken = this.#buffer.slice(0, count);
    this.#buffer = this.#buffer.slice(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    this.#beforeWaiting();
    if (this.#ended) return false;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return true;
  }

  readonly #heard = (octets: Buffer): void => {
    this.#buffer += octets.toString("latin1");
    this.#wake();
  };

  readonly #over = (): void => {
    this.#ended = true;
    this.#wake();
  };
}
