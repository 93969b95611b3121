import type { TestCommand } from "./command.ts";
import type { Flaws } from "./options.ts";

/** A message that a test server accepted: it has taken responsibility, whether or not the client got to hear of it. */
export interface ReceivedMessage {
  /** The reverse-path; `""` is the null one. */
  readonly from: string;
  /** The recipients that it was accepted for. In LMTP the list grows with each answer. */
  readonly to: readonly string[];
  /** The text as it was given: no dot-stuffing, line ends CRLF. */
  readonly octets: Uint8Array;
  /** The same, read as UTF-8. */
  readonly text: string;
  /** How it came: behind a 354, or in chunks. */
  readonly via: "DATA" | "BDAT";
  /** The lines of MAIL and of the RCPTs that were accepted, with their parameters. */
  readonly envelope: readonly string[];
  /** The number of its connection, from 1. */
  readonly connection: number;
  /** Whether it came under TLS. */
  readonly secure: boolean;
  /** Who had authenticated. */
  readonly user: string | undefined;
}

/** The mail transaction of a connection. */
export class Transaction {
  readonly #flaws: Flaws;
  /** Octets of the largest text. */
  readonly limit: number;
  #mail: TestCommand | undefined;
  #recipients: TestCommand[] = [];
  #octets: string[] = [];
  #size = 0;
  #chunks: "none" | "taken" | "refused" = "none";

  constructor(flaws: Flaws, limit: number) {
    this.#flaws = flaws;
    this.limit = limit;
  }

  get from(): string | undefined {
    return this.#mail?.address;
  }

  get recipients(): readonly string[] {
    return this.#recipients.map(({ address = "" }) => address);
  }

  /** Whether a chunk was given, and the last was not. */
  get inChunks(): boolean {
    return this.#chunks !== "none";
  }

  mail(command: TestCommand): void {
    this.#mail = command;
  }

  rcpt(command: TestCommand): void {
    this.#recipients.push(command);
  }

  /** What a text, or the next part of it, deserves. Undefined: it may be taken. */
  refusal(octets: number): string | undefined {
    if (this.#mail === undefined) return "503 5.5.1 MAIL first";
    if (this.#recipients.length === 0) return "503 5.5.1 no valid recipient";
    // RFC 3030 §2: a text of which a chunk was refused can't become whole any more.
    if (this.#chunks === "refused") return "503 5.5.1 a chunk was refused";
    return this.#size + octets > this.limit ? "552 5.3.4 message too big" : undefined;
  }

  /** The next octets of the text. */
  take(octets: string): void {
    this.#octets.push(octets);
    this.#size += octets.length;
  }

  chunk(taken: boolean): void {
    this.#chunks = taken ? "taken" : "refused";
  }

  /** The text is whole. */
  message(
    via: ReceivedMessage["via"],
    circumstances: Pick<ReceivedMessage, "connection" | "secure" | "user">,
    to: readonly string[],
  ): ReceivedMessage {
    const octets = Buffer.from(this.#octets.join(""), "latin1");
    return {
      from: this.from ?? "",
      to,
      octets,
      text: octets.toString("utf8"),
      via,
      envelope: [this.#mail, ...this.#recipients].map((command) => command?.line ?? ""),
      ...circumstances,
    };
  }

  /** A text was answered. */
  end(accepted: boolean): void {
    const { keepsTransaction } = this.#flaws;
    this.#octets = [];
    this.#size = 0;
    this.#chunks = "none";
    if (keepsTransaction === "always" || (keepsTransaction === "refused" && !accepted)) return;
    this.reset();
  }

  reset(): void {
    this.#mail = undefined;
    this.#recipients = [];
    this.#octets = [];
    this.#size = 0;
    this.#chunks = "none";
  }
}
