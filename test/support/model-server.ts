// A server as a pure state machine: octets in, octets out, time as an argument. It keeps the truth about what it
// accepted, whatever of its replies reaches the client. Independent of src on purpose.

import { type Chunk, type ChunkingScript, Chunks, chunkOf, PATIENCE } from "./model-chunks.ts";

/** What can be answered: a command, the greeting, the end of a text (its dot, or LAST); BDAT is a chunk before LAST. */
export type Verb =
  | "greeting"
  | "EHLO"
  | "HELO"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "BDAT"
  | "text"
  | "RSET"
  | "NOOP"
  | "QUIT";

/** What the server does instead of what it would do, at one place of the conversation. */
export interface Fault {
  readonly on: Verb;
  /** The how manieth of that verb, from 0. */
  readonly nth: number;
  /** A code; or octets, said as they are (`""`: nothing); undefined: what it would have said. */
  readonly says?: number | string | undefined;
  /** Lines of that reply. Default 1. */
  readonly lines?: number | undefined;
  readonly after: "goOn" | "hangUp" | "silence";
  /** Milliseconds that it is busy before. */
  readonly delay?: number | undefined;
  /** Text: answers once so many octets of it have come, without waiting for its end. */
  readonly early?: number | undefined;
  /** Says this too: a reply that nothing asked for. */
  readonly again?: number | undefined;
  /** Whether it does what was asked although it says something that is neither yes nor no. */
  readonly takes?: boolean | undefined;
}

export interface ServerScript {
  /** Speaks LMTP: answers a text once per recipient, each answer a "text" of its own among the faults. Default false. */
  readonly lmtp?: boolean | undefined;
  readonly pipelining: boolean;
  /** Default: does not offer CHUNKING. */
  readonly chunking?: ChunkingScript | undefined;
  /** Knows no EHLO. */
  readonly heloOnly: boolean;
  readonly size: number | undefined;
  readonly eightBit: boolean;
  /** Offers SMTPUTF8. */
  readonly utf8: boolean;
  /** A firewall rewrites its greeting. */
  readonly garbled: boolean;
  /** What becomes of what is in its buffer behind a text: `refuses` like Haraka, `swallows` like chasquid. */
  readonly behindText: "sound" | "refuses" | "swallows";
  /** After which texts it keeps the transaction open, so that the next MAIL is 503 and its RCPT is accepted. */
  readonly keeps: "nothing" | "refused" | "everything";
  /** How many recipients it takes at once: of more it says 452. */
  readonly recipients: number | undefined;
  /** The parameters of LIMITS; empty: not offered. */
  readonly limits: string;
  /** What it says to DATA without an accepted recipient. */
  readonly idleData: 503 | 554 | 354;
  readonly faults: readonly Fault[];
}

/** A text that the server accepted. */
export interface Accepted {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Without dot-stuffing, one character per octet. */
  readonly text: string;
}

/** Whether each command gets exactly one reply, and a true one, as long as the server says anything. */
export function isHonest({ faults, chunking }: ServerScript): boolean {
  if (chunking?.answersTwice) return false;
  return faults.every(
    ({ on, says, after, early, again }) =>
      again === undefined &&
      !(says === "" && after === "goOn") &&
      !(on === "text" && early !== undefined && (typeof says !== "number" || Math.trunc(says / 100) === 2)),
  );
}

export class ModelServer {
  readonly accepted: Accepted[] = [];
  /** The command lines that it ran, those that {@link leaked} has too. */
  readonly commands: string[] = [];
  /** Lines of what was announced as a text, which it ran as commands. */
  readonly leaked: string[] = [];
  readonly #script: ServerScript;
  readonly #seen = new Map<Verb, number>();
  #input = "";
  #output = "";
  #state: "open" | "silent" | "closed" = "open";
  #text: "no" | "open" | "answered" = "no";
  readonly #chunks = new Chunks();
  /** Octets of a text that are run as commands. */
  #leaking = 0;
  /** Octets to come of a chunk that was answered before. */
  #swallowing = 0;
  /** MAIL came and nothing was accepted since. */
  #inVain = false;
  #timesInVain = 0;
  #now = 0;
  #heardAt = 0;
  /** How many texts were accepted when it last said something. */
  #acceptedWhenSaid = 0;
  #sender: string | undefined;
  #recipients: string[] = [];
  /** LMTP: who of a text's recipients has no answer yet. */
  #unanswered: Accepted[] = [];
  #anyTaken = false;
  #busyUntil: number | undefined;
  #fault: { readonly verb: Verb; readonly fault: Fault | undefined; waited: boolean } | undefined;

  constructor(script: ServerScript) {
    this.#script = script;
  }

  /** Until when it does nothing; undefined if it is not busy. */
  get busyUntil(): number | undefined {
    if (this.#state !== "open") return undefined;
    return this.#busyUntil ?? (this.#holdsBack ? this.#heardAt + PATIENCE : undefined);
  }

  /** It has hung up, or was left. */
  get closed(): boolean {
    return this.#state === "closed";
  }

  /** What it has said since the last call. */
  take(): string {
    if (this.#holdsBack) return "";
    if (this.#output !== "") this.#acceptedWhenSaid = this.accepted.length;
    const output = this.#output;
    this.#output = "";
    return output;
  }

  receive(octets: string, now: number): void {
    this.#input += octets;
    this.#heardAt = now;
    this.run(now);
  }

  /** The client is gone. */
  leave(): void {
    this.#state = "closed";
  }

  /** Does what can be done now: to be called at the start, and when it is busy no more. */
  run(now: number): void {
    this.#now = now;
    if (this.#busyUntil !== undefined && now >= this.#busyUntil) this.#busyUntil = undefined;
    while (this.#state === "open" && this.#busyUntil === undefined && this.#step(now));
  }

  get #holdsBack(): boolean {
    const { holds } = this.#script.chunking ?? {};
    const { length } = this.accepted;
    return (
      holds !== undefined &&
      this.#state === "open" &&
      this.#output !== "" &&
      length >= 2 &&
      length - this.#acceptedWhenSaid < holds &&
      this.#now < this.#heardAt + PATIENCE
    );
  }

  #consume(octets: number): string {
    const consumed = this.#input.slice(0, octets);
    this.#input = this.#input.slice(octets);
    this.#leaking = Math.max(0, this.#leaking - octets);
    return consumed;
  }

  #consumeLine(line: string): void {
    this.commands.push(line);
    if (this.#leaking > 0) this.leaked.push(line);
    this.#consume(line.length + 2);
  }

  #step(now: number): boolean {
    if (!this.#seen.has("greeting")) {
      this.#handle("greeting", now, (fault) =>
        this.#say(fault, 220, undefined, [this.#script.garbled ? "****0*2******" : "model"]),
      );
      return true;
    }
    if (this.#text !== "no") return this.#stepInText(now);
    if (this.#unanswered.length > 0) return this.#answerNext(now);
    this.#swallowing -= this.#consume(this.#swallowing).length;
    const end = this.#input.indexOf("\r\n");
    if (end === -1) return false;
    const line = this.#input.slice(0, end);
    const chunk = chunkOf(line);
    if (chunk !== undefined && this.#script.chunking !== undefined) {
      return this.#stepInChunk(chunk, line, this.#script.chunking, now);
    }
    return this.#handle(this.#verbOf(line), now, (fault, verb) => {
      this.#consumeLine(line);
      this.#leaking += chunk?.size ?? 0;
      this.#command(verb, line, fault);
    });
  }

  #stepInChunk(chunk: Chunk, line: string, script: ChunkingScript, now: number): boolean {
    const { size, last } = chunk;
    const natural = this.#toChunk(size);
    const leaks =
      (natural === 503 && script.leaksUnreceivable && !this.#chunks.failed) ||
      (natural === 552 && script.leaksTooLarge);
    const verb = last ? "text" : "BDAT";
    const start = line.length + 2;
    if (!leaks && this.#input.length < start + size) {
      return this.#answerEarly(this.#expect(verb).fault, line, size);
    }
    if (last && natural === 250 && this.#script.lmtp) {
      this.#consumeLine(line);
      this.#answerMany(this.#chunks.octets + this.#consume(size), 0);
      return true;
    }
    return this.#handle(verb, now, (fault) => {
      this.#consumeLine(line);
      if (leaks) this.#leaking += size;
      const octets = leaks ? "" : this.#consume(size);
      this.#endChunk(last, natural, octets, script, fault);
    });
  }

  /** What an honest server says to a chunk. */
  #toChunk(octets: number): number {
    const { failed, octets: taken } = this.#chunks;
    if (this.#sender === undefined || this.#recipients.length === 0 || failed) return 503;
    return taken.length + octets > (this.#script.size || Number.POSITIVE_INFINITY) ? 552 : 250;
  }

  #answerEarly(fault: Fault | undefined, line: string, size: number): boolean {
    const come = this.#input.length - line.length - 2;
    if (fault?.early === undefined || come < fault.early || this.#script.lmtp) return false;
    this.#consumeLine(line);
    this.#swallowing = size;
    this.#chunks.fail();
    this.#say(fault, this.#recipients.length > 0 ? 250 : 503, undefined);
    this.#fault = undefined;
    return true;
  }

  #endChunk(
    last: boolean,
    natural: number,
    octets: string,
    script: ChunkingScript,
    fault: Fault | undefined,
  ): void {
    const before = this.#output.length;
    const text = this.#chunks.octets + octets;
    const envelope = { sender: this.#sender ?? "?", recipients: this.#recipients, text };
    let taken = false;
    this.#say(
      fault,
      natural,
      () => {
        taken = true;
        if (last) this.#accept(envelope);
        else this.#chunks.take(octets);
      },
      [last && !script.alike ? `model took ${text.length}` : "model"],
    );
    if (!last) {
      if (!taken) this.#chunks.fail();
      return;
    }
    if (taken && script.answersTwice) this.#output += this.#output.slice(before);
    this.#endTransaction(taken, script.behindLast);
  }

  #accept(envelope: Accepted): void {
    this.accepted.push(envelope);
    this.#inVain = false;
  }

  #stepInText(now: number): boolean {
    const found = this.#input.startsWith(".\r\n") ? 0 : this.#input.indexOf("\r\n.\r\n") + 2;
    const end = found === 1 ? undefined : found;
    const { fault } = this.#expect("text");
    const octets = end ?? this.#input.length;
    if (this.#text === "open" && fault?.early !== undefined && octets >= fault.early) {
      this.#text = "answered";
      this.#say(fault, this.#recipients.length > 0 ? 250 : 554, undefined);
      if (this.#script.lmtp) this.#fault = undefined; // that was the answer for the first recipient
      return true;
    }
    if (end === undefined) return false;
    if (this.#script.lmtp) {
      this.#endTextOfMany(end);
      return true;
    }
    return this.#handle("text", now, () => {
      const text = this.#consume(end + 3).slice(0, end);
      this.#endText(this.#chunks.octets + text.replace(/(^|\r\n)\./g, "$1"), fault);
    });
  }

  #endTextOfMany(end: number): void {
    const text = this.#consume(end + 3).slice(0, end);
    const answered = this.#text === "answered" ? 1 : 0;
    this.#text = "no";
    this.#answerMany(text.replace(/(^|\r\n)\./g, "$1"), answered);
  }

  #answerMany(text: string, answered: number): void {
    const sender = this.#sender ?? "?";
    this.#anyTaken = false;
    this.#chunks.clear();
    this.#unanswered = this.#recipients.slice(answered).map((each) => ({ sender, recipients: [each], text }));
    if (this.#unanswered.length === 0) this.#reset();
  }

  #answerNext(now: number): boolean {
    return this.#handle("text", now, (fault) => {
      const [next, ...others] = this.#unanswered;
      this.#unanswered = others;
      if (next === undefined) return;
      this.#say(fault, 250, () => {
        this.#accept(next);
        this.#anyTaken = true;
      });
      if (others.length > 0) return;
      const { keeps } = this.#script;
      if (!(keeps === "everything" || (keeps === "refused" && !this.#anyTaken))) this.#reset();
    });
  }

  #verbOf(line: string): Verb {
    const verb = line.slice(0, 4).toUpperCase();
    const hello = this.#script.lmtp ? "LHLO" : "EHLO";
    if (verb === hello) return "EHLO";
    if (verb === "EHLO" || (verb === "HELO" && this.#script.lmtp)) return "NOOP";
    return VERBS.has(verb) ? (verb as Verb) : "NOOP";
  }

  #endText(text: string, fault: Fault | undefined): void {
    const answered = this.#text === "answered";
    this.#text = "no";
    const before = this.accepted.length;
    const envelope = { sender: this.#sender ?? "?", recipients: this.#recipients, text };
    if (!answered) {
      this.#say(fault, this.#recipients.length > 0 ? 250 : 554, () => this.#accept(envelope));
    }
    this.#endTransaction(this.accepted.length > before, this.#script.behindText);
  }

  #endTransaction(taken: boolean, behindText: ServerScript["behindText"]): void {
    const { keeps } = this.#script;
    this.#chunks.clear();
    if (!(keeps === "everything" || (keeps === "refused" && !taken))) this.#reset();
    else this.#recipients = [...this.#recipients];
    if (this.#state === "open" && behindText !== "sound") this.#discardBuffer(behindText === "refuses");
  }

  /** Commands that came together with the end of a text are lost, or refused unseen; with the octets of chunks. */
  #discardBuffer(answers: boolean): void {
    for (;;) {
      const end = this.#input.indexOf("\r\n");
      if (end === -1) break;
      const chunk = chunkOf(this.#consume(end + 2).slice(0, end));
      if (answers) this.#output += "503 pipelined after end of DATA\r\n";
      if (chunk === undefined) continue;
      this.#swallowing = chunk.size;
      this.#swallowing -= this.#consume(chunk.size).length;
    }
    if (!answers) this.#consume(this.#input.length);
  }

  #command(verb: Verb, line: string, fault: Fault | undefined): void {
    const { heloOnly, idleData } = this.#script;
    switch (verb) {
      case "EHLO":
        this.#say(fault, heloOnly ? 502 : 250, () => this.#reset(), this.#capabilities());
        break;
      case "MAIL":
        // "503 sender already given" comes before anything else is looked at.
        this.#say(
          this.#sender === undefined ? fault : undefined,
          this.#sender === undefined ? 250 : 503,
          () => {
            this.#sender = pathOf(line);
            this.#inVain = true;
          },
        );
        break;
      case "RCPT":
        this.#say(
          fault,
          this.#sender === undefined || this.#chunks.begun ? 503 : this.#full ? 452 : 250,
          () => {
            this.#recipients.push(pathOf(line));
          },
        );
        break;
      case "DATA":
        this.#say(fault, this.#chunks.begun ? 503 : this.#recipients.length > 0 ? 354 : idleData, () => {
          this.#text = "open";
        });
        break;
      case "HELO":
        this.#say(fault, 250, () => this.#reset());
        break;
      case "RSET":
        this.#rset(fault);
        break;
      case "QUIT":
        this.#say(fault, 221, undefined);
        if (fault === undefined) this.#state = "closed";
        break;
      default:
        this.#say(fault, /^(NOOP|HELP|VRFY)/i.test(line) ? 252 : 500, undefined);
    }
  }

  #rset(fault: Fault | undefined): void {
    const { readsOnBehindReset, mostInVain } = this.#script.chunking ?? {};
    if (this.#inVain) this.#timesInVain++;
    this.#inVain = false;
    if (mostInVain !== undefined && this.#timesInVain > mostInVain) {
      this.#output += "554 Too many nonmail commands\r\n";
      this.#state = "closed";
      return;
    }
    const readsOn = readsOnBehindReset && this.#chunks.begun && !this.#chunks.failed;
    this.#say(fault, 250, () => {
      if (readsOn) this.#text = "open";
      else this.#reset();
    });
  }

  /** The transaction has recipients enough. */
  get #full(): boolean {
    return this.#recipients.length >= (this.#script.recipients ?? Number.POSITIVE_INFINITY);
  }

  #reset(): void {
    this.#chunks.clear();
    this.#sender = undefined;
    this.#recipients = [];
  }

  #capabilities(): string[] {
    const { pipelining, size, eightBit, utf8, limits, chunking } = this.#script;
    const lines = ["model"];
    if (pipelining) lines.push("PIPELINING");
    if (chunking !== undefined) lines.push("CHUNKING");
    if (size !== undefined) lines.push(`SIZE ${size}`);
    if (eightBit) lines.push("8BITMIME");
    if (limits !== "") lines.push(`LIMITS ${limits}`);
    if (utf8) lines.push("SMTPUTF8");
    return lines;
  }

  /** What is to happen to the next command, which is of this verb. */
  #expect(verb: Verb): { readonly fault: Fault | undefined; waited: boolean } {
    if (this.#fault?.verb !== verb) {
      const nth = this.#seen.get(verb) ?? 0;
      this.#seen.set(verb, nth + 1);
      const fault = this.#script.faults.find((each) => each.on === verb && each.nth === nth);
      this.#fault = { verb, fault, waited: false };
    }
    return this.#fault;
  }

  #handle(verb: Verb, now: number, act: (fault: Fault | undefined, verb: Verb) => void): boolean {
    const expected = this.#expect(verb);
    const { fault } = expected;
    if (fault?.delay !== undefined && fault.delay > 0 && !expected.waited) {
      expected.waited = true;
      this.#busyUntil = now + fault.delay;
      return false;
    }
    this.#fault = undefined;
    act(fault, verb);
    return true;
  }

  /** Answers: `natural` is what an honest server would say, `effect` what it does if it says yes. */
  #say(
    fault: Fault | undefined,
    natural: number,
    effect: (() => unknown) | undefined,
    lines: readonly string[] = ["model"],
  ): void {
    const willing = natural < 400;
    // Nothing is granted that the state forbids: that would be a lie.
    const lie = typeof fault?.says === "number" && yes(fault.says) && !willing;
    const said = fault?.says === undefined || lie ? natural : fault.says;
    const granted = typeof said === "number" && Math.trunc(said / 100) === Math.trunc(natural / 100);
    const vague = typeof said === "string" || !(granted || said >= 400);
    if (willing && (granted || (vague && fault?.takes === true))) effect?.();
    if (typeof said === "string") this.#output += said;
    else {
      const own =
        said === natural && willing
          ? lines
          : Array.from({ length: fault?.lines ?? 1 }, (_, i) => `line ${i}`);
      this.#output += own.map((line, i) => `${said}${i < own.length - 1 ? "-" : " "}${line}\r\n`).join("");
    }
    if (fault?.again !== undefined) this.#output += `${fault.again} surplus\r\n`;
    if (fault?.after === "hangUp") this.#state = "closed";
    if (fault?.after === "silence") this.#state = "silent";
  }
}

/** The path of a command line, which has one character per octet. */
function pathOf(line: string): string {
  return Buffer.from(/<(.*?)>/.exec(line)?.[1] ?? "?", "latin1").toString("utf8");
}

function yes(code: number): boolean {
  return code >= 200 && code < 400;
}

const VERBS: ReadonlySet<string> = new Set(["EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "QUIT"]);
