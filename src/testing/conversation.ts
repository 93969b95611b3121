import { type SecureContext, TLSSocket } from "node:tls";
import { authenticate, OFFERED } from "./authentication.ts";
import { pathOf, verbOf } from "./command.ts";
import type { Input } from "./input.ts";
import { Responder, type Shared } from "./responder.ts";
import { type ReceivedMessage, Transaction } from "./transaction.ts";
import type { ConnectionRecord } from "./truth.ts";
import type { Wire } from "./wire.ts";

/** The server's side of one connection: one command after the other, until either side ends it. */
export class Conversation {
  readonly #wire: Wire;
  readonly #shared: Shared;
  readonly #secureContext: () => SecureContext;
  readonly #record: ConnectionRecord;
  readonly #responder: Responder;
  readonly #input: Input;
  readonly #transaction: Transaction;

  /** @param secureContext what TLS is spoken with; asked for where it is */
  constructor(wire: Wire, shared: Shared, record: ConnectionRecord, secureContext: () => SecureContext) {
    const { extensions, flaws } = shared.settings;
    this.#wire = wire;
    this.#shared = shared;
    this.#secureContext = secureContext;
    this.#record = record;
    this.#responder = new Responder(wire, shared, record);
    this.#input = this.#responder.input;
    const size = extensions
      .map((line) => /^SIZE (\d+)$/i.exec(line)?.[1])
      .find((limit) => limit !== undefined);
    this.#transaction = new Transaction(flaws, Number(size ?? 0) || Number.POSITIVE_INFINITY);
  }

  /** Runs to the end. */
  async run(): Promise<void> {
    const responder = this.#responder;
    if (this.#shared.settings.tls === "implicit") this.#secure();
    else responder.speak(this.#wire);
    await responder.answer("greeting", "", "220 test.example ESMTP");
    while (responder.goesOn) {
      const line = await this.#input.line();
      if (line === undefined) break;
      await this.#command(line);
    }
    responder.end();
  }

  #command(line: string): Promise<unknown> {
    const { extensions, lmtp } = this.#shared.settings;
    const verb = verbOf(line);
    switch (verb) {
      case "EHLO":
      case "LHLO":
      case "HELO":
        return (verb === "LHLO") === lmtp ? this.#hello(line) : this.#unknown(line);
      case "STARTTLS":
        return this.#startTls(line);
      case "AUTH":
        return this.#auth(line);
      case "MAIL":
        return this.#responder.answer(verb, line, this.#toMail(line), (command) =>
          this.#transaction.mail(command),
        );
      case "RCPT":
        return this.#responder.answer(verb, line, this.#toRcpt(line), (command) =>
          this.#transaction.rcpt(command),
        );
      case "DATA":
        return this.#data(line);
      case "BDAT":
        return offers(extensions, "CHUNKING") ? this.#bdat(line) : this.#unknown(line);
      case "RSET":
        return this.#responder.answer(verb, line, "250 2.0.0 flushed", () => this.#transaction.reset());
      case "NOOP":
        return this.#responder.answer(verb, line, "250 2.0.0 nothing done");
      case "VRFY":
        return this.#responder.answer(verb, line, "252 2.5.2 send it, and see");
      case "QUIT":
        return this.#responder.answer(verb, line, "221 2.0.0 bye", () => this.#responder.leave());
      default:
        return this.#unknown(line);
    }
  }

  #unknown(line: string): Promise<unknown> {
    return this.#responder.answer(verbOf(line), line, "500 5.5.1 unknown command");
  }

  #hello(line: string): Promise<unknown> {
    const { extensions, tls, accounts } = this.#shared.settings;
    const { secure } = this.#record;
    const greeted = (): void => this.#transaction.reset();
    if (verbOf(line) === "HELO") return this.#responder.answer("HELO", line, "250 test.example", greeted);
    const lines = ["test.example", ...extensions];
    if (tls === "starttls" && !secure) lines.push("STARTTLS");
    if (Object.keys(accounts).length > 0 && (secure || tls === "off")) lines.push(OFFERED);
    const reply = lines.map((each, i) => `250${i < lines.length - 1 ? "-" : " "}${each}`).join("\n");
    return this.#responder.answer(verbOf(line), line, reply, greeted);
  }

  #toMail(line: string): string {
    const { accounts } = this.#shared.settings;
    if (pathOf(line) === undefined) return "501 5.5.4 MAIL FROM:<reverse-path>";
    if (Object.keys(accounts).length > 0 && this.#record.user === undefined) {
      return "530 5.7.0 authentication required";
    }
    if (this.#transaction.from !== undefined) return "503 5.5.1 sender already given";
    if (Number(/ SIZE=(\d+)/i.exec(line)?.[1] ?? 0) > this.#transaction.limit)
      return "552 5.3.4 message too big";
    return "250 2.1.0 sender ok";
  }

  #toRcpt(line: string): string {
    if (pathOf(line) === undefined) return "501 5.5.4 RCPT TO:<forward-path>";
    const misplaced = this.#transaction.from === undefined || this.#transaction.inChunks;
    return misplaced ? "503 5.5.1 MAIL first" : "250 2.1.5 recipient ok";
  }

  async #data(line: string): Promise<void> {
    const { inChunks } = this.#transaction;
    const refusal = inChunks ? "503 5.5.1 BDAT was begun" : this.#transaction.refusal(0);
    const said = await this.#responder.answer("DATA", line, refusal ?? "354 end with <CR><LF>.<CR><LF>");
    if (!this.#responder.goesOn || !said.startsWith("3")) return;
    const text = await this.#input.text();
    if (text === undefined) return this.#responder.lose();
    this.#responder.note(`C: (${text.length} octets of text)`);
    await this.#text(".", "DATA", text, this.#transaction.refusal(text.length));
  }

  async #bdat(line: string): Promise<void> {
    const [, size, last] = /^BDAT (\d{1,10})( LAST)?$/i.exec(line) ?? [];
    if (size === undefined) {
      await this.#responder.answer("BDAT", line, "501 5.5.4 BDAT size [LAST]");
      return;
    }
    const refusal = this.#transaction.refusal(Number(size));
    const leaks = refusal !== undefined && this.#shared.settings.flaws.runsRefusedChunks === true;
    const octets = leaks ? "" : await this.#input.octets(Number(size));
    if (octets === undefined) return this.#responder.lose();
    if (last !== undefined) await this.#text(line, "BDAT", octets, refusal);
    else {
      let taken = false;
      await this.#responder.answer("BDAT", line, refusal ?? "250 2.0.0 chunk taken", () => {
        taken = true;
        this.#transaction.take(octets);
      });
      this.#transaction.chunk(taken);
    }
  }

  /** The end of a text has come: with its last octets. */
  async #text(
    line: string,
    via: ReceivedMessage["via"],
    octets: string,
    refusal: string | undefined,
  ): Promise<void> {
    const { settings, truth } = this.#shared;
    const transaction = this.#transaction;
    const to: string[] = [];
    const accept = (recipients: readonly string[]): void => {
      if (to.length === 0) transaction.take(octets);
      const first = to.length === 0;
      to.push(...recipients);
      const { number: connection, secure, user } = this.#record;
      if (first) truth.accepted(transaction.message(via, { connection, secure, user }, to));
      else truth.happened();
    };
    const yes = `250 2.0.0 accepted as ${truth.messages.length + 1}`;
    if (!settings.lmtp || transaction.recipients.length === 0) {
      const { recipients } = transaction;
      await this.#responder.answer("text", line, refusal ?? yes, () => accept(recipients));
    } else {
      for (const address of transaction.recipients) {
        if (!this.#responder.goesOn) return;
        await this.#responder.answer("text", line, refusal ?? yes, () => accept([address]), address);
      }
    }
    transaction.end(to.length > 0);
    this.#loseWhatFollows();
  }

  /** Commands that came together with a text. */
  #loseWhatFollows(): void {
    const { behindText } = this.#shared.settings.flaws;
    if (behindText === undefined) return;
    for (const line of this.#input.dropLines()) {
      this.#responder.note(`C: ${line}`);
      if (behindText === "refuses") this.#responder.say("503 5.5.1 pipelined behind a text");
    }
  }

  async #startTls(line: string): Promise<void> {
    if (this.#shared.settings.tls !== "starttls" || this.#record.secure) {
      await this.#unknown(line);
      return;
    }
    const said = await this.#responder.answer("STARTTLS", line, "220 2.0.0 go ahead");
    if (!this.#responder.goesOn || !said.startsWith("220")) return;
    this.#responder.flush();
    this.#transaction.reset();
    this.#input.detach();
    this.#secure();
  }

  async #auth(line: string): Promise<void> {
    const { accounts } = this.#shared.settings;
    if (Object.keys(accounts).length === 0) {
      await this.#unknown(line);
      return;
    }
    // What is programmed counts at once, else the exchange comes first: so this is not answer().
    const exchange = this.#responder.begin("AUTH", line);
    if (!(await this.#responder.moment(exchange, "received"))) return;
    let said = await this.#responder.programmed(exchange.command);
    if (said === undefined) {
      const outcome = await authenticate(line, accounts, async (challenge) => {
        this.#responder.say(`334 ${Buffer.from(challenge).toString("base64")}`.trimEnd());
        const response = await this.#input.line();
        this.#responder.note("C: (a response)");
        return response === undefined || response === "*"
          ? undefined
          : Buffer.from(response, "base64").toString("utf8");
      });
      if ("user" in outcome) this.#record.user = outcome.user;
      said = "refusal" in outcome ? outcome.refusal : "235 2.7.0 welcome";
    }
    await this.#responder.reply(exchange, said);
  }

  #secure(): void {
    const tls = new TLSSocket(this.#wire, { isServer: true, secureContext: this.#secureContext() });
    tls.on("secure", () => {
      this.#record.secure = true;
    });
    // A handshake that fails, or a client that is gone: the connection is over.
    tls.on("error", () => this.#wire.destroy());
    this.#responder.speak(tls);
  }
}

function offers(extensions: readonly string[], keyword: string): boolean {
  return extensions.some((line) => line.toUpperCase() === keyword);
}
