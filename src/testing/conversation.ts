import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type SecureContext, TLSSocket } from "node:tls";
import { authenticate, OFFERED } from "./authentication.ts";
import { pathOf, type TestCommand, verbOf } from "./command.ts";
import type { Fault, FaultPlan, Moment } from "./faults.ts";
import { Input } from "./input.ts";
import type { Settings } from "./options.ts";
import { type ReceivedMessage, Transaction } from "./transaction.ts";
import type { ConnectionRecord, Truth } from "./truth.ts";
import type { Wire } from "./wire.ts";

/** What the conversations of a server share. */
export interface Shared {
  readonly settings: Settings;
  readonly truth: Truth;
  readonly plan: FaultPlan;
  /** What TLS is spoken with; asked for where it is. */
  secureContext(): SecureContext;
}

/** A command that is being answered. */
interface Exchange {
  readonly command: TestCommand;
  readonly faults: readonly Fault[];
}

/** The server's side of one connection: one command after the other, until either side ends it. */
export class Conversation {
  readonly #wire: Wire;
  readonly #shared: Shared;
  readonly #record: ConnectionRecord;
  readonly #input: Input;
  readonly #transaction: Transaction;
  #stream: Duplex;
  #output = "";
  /** It said that it leaves: nothing is read behind that. */
  #leaving = false;
  /** Nothing is said any more. */
  #over = false;

  constructor(wire: Wire, shared: Shared, record: ConnectionRecord) {
    const { extensions, flaws } = shared.settings;
    this.#wire = wire;
    this.#stream = wire;
    this.#shared = shared;
    this.#record = record;
    this.#input = new Input(() => this.#flush());
    const size = extensions
      .map((line) => /^SIZE (\d+)$/i.exec(line)?.[1])
      .find((limit) => limit !== undefined);
    this.#transaction = new Transaction(flaws, Number(size ?? 0) || Number.POSITIVE_INFINITY);
    wire.onCut((how) => this.#note(`-- cut (${how})`));
  }

  /** Runs to the end. */
  async run(): Promise<void> {
    if (this.#shared.settings.tls === "implicit") this.#secure();
    else this.#input.attach(this.#wire);
    await this.#answer("greeting", "", "220 test.example ESMTP");
    while (!this.#over && !this.#leaving) {
      const line = await this.#input.line();
      if (line === undefined) break;
      await this.#command(line);
    }
    this.#flush();
    this.#stream.end();
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
        return this.#answer(verb, line, this.#toMail(line), (command) => this.#transaction.mail(command));
      case "RCPT":
        return this.#answer(verb, line, this.#toRcpt(line), (command) => this.#transaction.rcpt(command));
      case "DATA":
        return this.#data(line);
      case "BDAT":
        return offers(extensions, "CHUNKING") ? this.#bdat(line) : this.#unknown(line);
      case "RSET":
        return this.#answer(verb, line, "250 2.0.0 flushed", () => this.#transaction.reset());
      case "NOOP":
        return this.#answer(verb, line, "250 2.0.0 nothing done");
      case "VRFY":
        return this.#answer(verb, line, "252 2.5.2 send it, and see");
      case "QUIT":
        return this.#answer(verb, line, "221 2.0.0 bye", () => {
          this.#leaving = true;
        });
      default:
        return this.#unknown(line);
    }
  }

  #unknown(line: string): Promise<unknown> {
    return this.#answer(verbOf(line), line, "500 5.5.1 unknown command");
  }

  #hello(line: string): Promise<unknown> {
    const { extensions, tls, accounts } = this.#shared.settings;
    const { secure } = this.#record;
    const greeted = (): void => this.#transaction.reset();
    if (verbOf(line) === "HELO") return this.#answer("HELO", line, "250 test.example", greeted);
    const lines = ["test.example", ...extensions];
    if (tls === "starttls" && !secure) lines.push("STARTTLS");
    if (Object.keys(accounts).length > 0 && (secure || tls === "off")) lines.push(OFFERED);
    const reply = lines.map((each, i) => `250${i < lines.length - 1 ? "-" : " "}${each}`).join("\n");
    return this.#answer(verbOf(line), line, reply, greeted);
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
    const said = await this.#answer("DATA", line, refusal ?? "354 end with <CR><LF>.<CR><LF>");
    if (this.#over || !said.startsWith("3")) return;
    const text = await this.#input.text();
    if (text === undefined) return this.#lost();
    this.#note(`C: (${text.length} octets of text)`);
    await this.#text(".", "DATA", text);
  }

  async #bdat(line: string): Promise<void> {
    const [, size, last] = /^BDAT (\d{1,10})( LAST)?$/i.exec(line) ?? [];
    if (size === undefined) {
      await this.#answer("BDAT", line, "501 5.5.4 BDAT size [LAST]");
      return;
    }
    const refusal = this.#transaction.refusal(Number(size));
    const leaks = refusal !== undefined && this.#shared.settings.flaws.runsRefusedChunks === true;
    const octets = leaks ? "" : await this.#input.octets(Number(size));
    if (octets === undefined) return this.#lost();
    if (last !== undefined) await this.#text(line, "BDAT", octets);
    else {
      let taken = false;
      await this.#answer("BDAT", line, refusal ?? "250 2.0.0 chunk taken", () => {
        taken = true;
        this.#transaction.take(octets);
      });
      this.#transaction.chunk(taken);
    }
  }

  /** The client is gone in the midst of a text: what came of it is no command. */
  #lost(): void {
    this.#flush();
    this.#over = true;
  }

  /** The end of a text has come: with its last octets. */
  async #text(line: string, via: ReceivedMessage["via"], octets: string): Promise<void> {
    const { settings, truth } = this.#shared;
    const transaction = this.#transaction;
    const refusal = transaction.refusal(octets.length);
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
      await this.#answer("text", line, refusal ?? yes, () => accept(recipients));
    } else {
      for (const address of transaction.recipients) {
        if (this.#over) return;
        await this.#answer("text", line, refusal ?? yes, () => accept([address]), address);
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
      this.#note(`C: ${line}`);
      if (behindText === "refuses") this.#say("503 5.5.1 pipelined behind a text");
    }
  }

  async #startTls(line: string): Promise<void> {
    if (this.#shared.settings.tls !== "starttls" || this.#record.secure) {
      await this.#unknown(line);
      return;
    }
    const said = await this.#answer("STARTTLS", line, "220 2.0.0 go ahead");
    if (this.#over || !said.startsWith("220")) return;
    this.#flush();
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
    // What is programmed counts at once, else the exchange comes first: so this is not #answer().
    const exchange = this.#begin("AUTH", line);
    if (!(await this.#moment(exchange, "received"))) return;
    let said = await this.#programmed(exchange.command);
    if (said === undefined) {
      const outcome = await authenticate(line, accounts, async (challenge) => {
        this.#say(`334 ${Buffer.from(challenge).toString("base64")}`.trimEnd());
        const response = await this.#input.line();
        this.#note("C: (a response)");
        return response === undefined || response === "*"
          ? undefined
          : Buffer.from(response, "base64").toString("utf8");
      });
      if ("user" in outcome) this.#record.user = outcome.user;
      said = "refusal" in outcome ? outcome.refusal : "235 2.7.0 welcome";
    }
    await this.#reply(exchange, said);
  }

  #secure(): void {
    const tls = new TLSSocket(this.#wire, { isServer: true, secureContext: this.#shared.secureContext() });
    tls.on("secure", () => {
      this.#record.secure = true;
    });
    // A handshake that fails, or a client that is gone: the connection is over.
    tls.on("error", () => this.#wire.destroy());
    this.#stream = tls;
    this.#input.attach(tls);
  }

  // ---- one command and its reply

  /** Answers a command, and does what it asks for if the reply says so. Returns what was said. */
  async #answer(
    verb: string,
    line: string,
    natural: string,
    effect: (command: TestCommand) => void = () => undefined,
    address: string | undefined = pathOf(line),
  ): Promise<string> {
    const exchange = this.#begin(verb, line, address);
    if (!(await this.#moment(exchange, "received"))) return "";
    const said = (await this.#programmed(exchange.command)) ?? natural;
    // What the state forbids can't be granted, whatever is said.
    if (/^[23]/.test(natural) && said[0] === natural[0]) effect(exchange.command);
    await this.#reply(exchange, said);
    return said;
  }

  #begin(verb: string, line: string, address?: string): Exchange {
    const { truth, plan } = this.#shared;
    if (verb !== "greeting" && line !== ".") this.#note(`C: ${line}`);
    const command = truth.command({ verb, line, address, connection: this.#record.number });
    return { command, faults: plan.at(command) };
  }

  #programmed(command: TestCommand): Promise<string | undefined> | string | undefined {
    const reply = this.#shared.settings.answer(command);
    if (reply instanceof Promise) this.#flush();
    return reply;
  }

  async #reply(exchange: Exchange, said: string): Promise<void> {
    if (!(await this.#moment(exchange, "done"))) return;
    const extra = exchange.faults.filter((fault) => fault.kind === "surplus");
    for (const { reply, before } of extra) if (before) this.#say(reply);
    this.#say(said);
    for (const { reply, before } of extra) if (!before) this.#say(reply);
    if (said.startsWith("421") && this.#shared.settings.flaws.staysBehind421 !== true) this.#leaving = true;
    await this.#moment(exchange, "answered");
  }

  /** Injects the faults that are due. Whether the conversation goes on. */
  async #moment({ faults }: Exchange, moment: NonNullable<Moment["when"]>): Promise<boolean> {
    for (const fault of faults) {
      if (!("when" in fault.place) || fault.place.when !== moment || fault.kind === "surplus") continue;
      this.#flush();
      if (fault.kind === "cut") {
        this.#over = true;
        this.#wire.cut(fault.how);
      } else if (fault.kind === "stopReading") {
        this.#note("-- stops reading");
        this.#wire.stopReading(fault.ms);
      } else {
        this.#note("-- stalls");
        await this.#stall(fault.ms);
      }
    }
    return !this.#over;
  }

  async #stall(ms: number | undefined): Promise<void> {
    const end = this.#input.end();
    if (ms === undefined) {
      await end;
      this.#over = true;
    } else {
      await Promise.race([end, delay(ms, undefined, { ref: false })]);
    }
  }

  #say(reply: string): void {
    if (reply === "") return;
    for (const line of reply.split("\n")) this.#note(`S: ${line}`);
    this.#output += `${reply.replaceAll("\n", "\r\n")}\r\n`;
  }

  #flush(): void {
    if (this.#output === "") return;
    const octets = Buffer.from(this.#output, "utf8");
    this.#output = "";
    if (this.#stream.writable) this.#stream.write(octets);
  }

  #note(line: string): void {
    this.#record.transcript.push(line);
  }
}

function offers(extensions: readonly string[], keyword: string): boolean {
  return extensions.some((line) => line.toUpperCase() === keyword);
}
