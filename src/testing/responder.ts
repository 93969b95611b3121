import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { pathOf, type TestCommand } from "./command.ts";
import type { Fault, FaultPlan, Moment } from "./faults.ts";
import { Input } from "./input.ts";
import type { Settings } from "./options.ts";
import type { ConnectionRecord, Truth } from "./truth.ts";
import type { Wire } from "./wire.ts";

/** What the conversations of a server share. */
export interface Shared {
  readonly settings: Settings;
  readonly truth: Truth;
  readonly plan: FaultPlan;
}

/** A command that is being answered. */
interface Exchange {
  readonly command: TestCommand;
  readonly faults: readonly Fault[];
}

/** Answers the commands of one connection: with what is due or what is programmed, and with the faults in between. */
export class Responder {
  readonly input: Input = new Input(() => this.flush());
  readonly #wire: Wire;
  readonly #shared: Shared;
  readonly #record: ConnectionRecord;
  #stream: Duplex;
  #output = "";
  /** It said that it leaves: nothing is read behind that. */
  #leaving = false;
  /** Nothing is said any more. */
  #over = false;

  constructor(wire: Wire, shared: Shared, record: ConnectionRecord) {
    this.#wire = wire;
    this.#stream = wire;
    this.#shared = shared;
    this.#record = record;
    wire.onCut((how) => this.note(`-- cut (${how})`));
  }

  /** Whether more commands are read. */
  get goesOn(): boolean {
    return !this.#over && !this.#leaving;
  }

  /** Reads from this stream and writes to it from now on. */
  speak(stream: Duplex): void {
    this.#stream = stream;
    this.input.attach(stream);
  }

  /** Reads no more commands behind the one that is answered. */
  leave(): void {
    this.#leaving = true;
  }

  /** The client is gone in the midst of a text: what came of it is no command. */
  lose(): void {
    this.flush();
    this.#over = true;
  }

  /** Sends what is left, and ends this side. */
  end(): void {
    this.flush();
    this.#stream.end();
  }

  /** Answers a command, and does what it asks for if the reply says so. Returns what was said. */
  async answer(
    verb: string,
    line: string,
    natural: string,
    effect: (command: TestCommand) => void = () => undefined,
    address: string | undefined = pathOf(line),
  ): Promise<string> {
    const exchange = this.begin(verb, line, address);
    if (!(await this.moment(exchange, "received"))) return "";
    const said = (await this.programmed(exchange.command)) ?? natural;
    // What the state forbids can't be granted, whatever is said.
    if (/^[23]/.test(natural) && said[0] === natural[0]) effect(exchange.command);
    await this.reply(exchange, said);
    return said;
  }

  begin(verb: string, line: string, address?: string): Exchange {
    const { truth, plan } = this.#shared;
    if (verb !== "greeting" && line !== ".") this.note(`C: ${line}`);
    const command = truth.command({ verb, line, address, connection: this.#record.number });
    return { command, faults: plan.at(command) };
  }

  programmed(command: TestCommand): Promise<string | undefined> | string | undefined {
    const reply = this.#shared.settings.answer(command);
    if (reply instanceof Promise) this.flush();
    return reply;
  }

  async reply(exchange: Exchange, said: string): Promise<void> {
    if (!(await this.moment(exchange, "done"))) return;
    const extra = exchange.faults.filter((fault) => fault.kind === "surplus");
    for (const { reply, before } of extra) if (before) this.say(reply);
    this.say(said);
    for (const { reply, before } of extra) if (!before) this.say(reply);
    if (said.startsWith("421") && this.#shared.settings.flaws.staysBehind421 !== true) this.#leaving = true;
    await this.moment(exchange, "answered");
  }

  /** Injects the faults that are due. Whether the conversation goes on. */
  async moment({ faults }: Exchange, moment: NonNullable<Moment["when"]>): Promise<boolean> {
    for (const fault of faults) {
      if (!("when" in fault.place) || fault.place.when !== moment || fault.kind === "surplus") continue;
      this.flush();
      if (fault.kind === "cut") {
        this.#over = true;
        this.#wire.cut(fault.how);
      } else if (fault.kind === "stopReading") {
        this.note("-- stops reading");
        this.#wire.stopReading(fault.ms);
      } else {
        this.note("-- stalls");
        await this.#stall(fault.ms);
      }
    }
    return !this.#over;
  }

  async #stall(ms: number | undefined): Promise<void> {
    const end = this.input.end();
    if (ms === undefined) {
      await end;
      this.#over = true;
    } else {
      await Promise.race([end, delay(ms, undefined, { ref: false })]);
    }
  }

  say(reply: string): void {
    if (reply === "") return;
    for (const line of reply.split("\n")) this.note(`S: ${line}`);
    this.#output += `${reply.replaceAll("\n", "\r\n")}\r\n`;
  }

  flush(): void {
    if (this.#output === "") return;
    const octets = Buffer.from(this.#output, "utf8");
    this.#output = "";
    if (this.#stream.writable) this.#stream.write(octets);
  }

  note(line: string): void {
    this.#record.transcript.push(line);
  }
}
