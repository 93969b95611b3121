// Reads a conversation from the client's side as it happens and says which rule of pipelining a write breaks.
// Independent of src: it knows nothing but the octets.

interface Owed {
  readonly verb: string;
  /** RSET: it stands behind an unanswered text. */
  readonly followOn: boolean;
  /** RCPT: whom it names. */
  readonly address?: string | undefined;
}

type Suspicion = "none" | "lenient" | "strict" | "refusedFollowOn";

export interface AuditOptions {
  /** LMTP is spoken. Default false. */
  readonly lmtp?: boolean | undefined;
  readonly pipelining: "auto" | "transaction" | "off";
  /** What the memory of peers says when the session begins. Default `"unproven"`. */
  readonly followOn?: "unproven" | "proven" | "unfit" | undefined;
}

const ENDS_GROUP = new Set(["greeting", "EHLO", "HELO", "DATA", "NOOP", "QUIT", "HELP", "VRFY", "XTRA"]);

export class WireAudit {
  readonly problems: string[] = [];
  readonly transcript: string[] = [];
  /** How often each recipient stood, not refused, in an envelope whose text was written to its end. */
  readonly ended: Map<string, number> = new Map();
  /** Recipients of an envelope whose text was refused before its end was written. */
  readonly refusedEarly: Set<string> = new Set();
  /** Whether anything was written behind an unanswered text. */
  followOns = 0;
  readonly #options: AuditOptions;
  #owed: Owed[] = [{ verb: "greeting", followOn: false }];
  #sentPart = "";
  #receivedPart = "";
  #replyLines: string[] = [];
  #pipelining = false;
  #proven: boolean;
  #inText = false;
  #envelope: string[] = [];
  /** MAIL was written, and nothing since that ends the transaction. */
  #begun = false;
  #textOctets = 0;
  #eightBit = false;
  #utf8Offered = false;
  /** MAIL said SMTPUTF8. */
  #utf8 = false;
  /** RSET is due before the next MAIL. */
  #open = false;
  #mail = 0;
  #accepted: string[] = [];
  /** Why nothing may be written at all any more. */
  #lost: string | undefined;
  #suspicion: Suspicion = "none";
  #textInThisWrite = false;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#proven = options.followOn === "proven";
  }

  note(what: string): void {
    this.transcript.push(`   ${what}`);
  }

  /** Octets of one write of the client's. */
  sent(octets: string): void {
    if (octets === "") return;
    this.transcript.push(`C: ${JSON.stringify(octets.length > 600 ? `${octets.slice(0, 600)}…` : octets)}`);
    if (this.#lost !== undefined) this.#problem(`wrote after ${this.#lost}`);
    else if (this.#suspicion !== "none") this.#problem(`wrote although suspicion is ${this.#suspicion}`);
    this.#textInThisWrite = false;
    this.#sentPart += octets;
    while (this.#inText ? this.#readText() : this.#readLine());
  }

  /** Octets that the client was given. */
  received(octets: string): void {
    this.transcript.push(`S: ${JSON.stringify(octets.length > 600 ? `${octets.slice(0, 600)}…` : octets)}`);
    this.#receivedPart += octets;
    for (;;) {
      const end = this.#receivedPart.indexOf("\n");
      if (end === -1) {
        if (this.#receivedPart.length >= 4096) this.#lose("too long a reply");
        return;
      }
      const line = this.#receivedPart.slice(0, end).replace(/\r$/, "");
      this.#receivedPart = this.#receivedPart.slice(end + 1);
      const first = this.#replyLines[0]?.slice(0, 3);
      if (!/^[1-5]\d\d([ -]|$)/.test(line) || (first !== undefined && !line.startsWith(first))) {
        this.#lose("a malformed reply");
        return;
      }
      this.#replyLines.push(line);
      if (line[3] === "-") continue;
      const lines = this.#replyLines;
      this.#replyLines = [];
      if (this.#lost === undefined) this.#reply(Number(line.slice(0, 3)), lines);
    }
  }

  #problem(what: string): void {
    this.problems.push(what);
    this.transcript.push(`!! ${what}`);
  }

  #lose(why: string): void {
    this.#lost ??= why;
  }

  // ---- what the client writes

  #readText(): boolean {
    const part = this.#sentPart;
    this.#textOctets = part.length;
    const found = part.startsWith(".\r\n") ? 0 : part.indexOf("\r\n.\r\n") + 2;
    const text = found === 1 ? part : part.slice(0, found);
    if (!this.#eightBit && /[\x80-\xff]/.test(text)) this.#problem("wrote 8-bit text without BODY=8BITMIME");
    if (found === 1) return false;
    this.#sentPart = part.slice(found + 3);
    if ((found > 0 || this.#options.lmtp) && this.#accepted.length === 0)
      this.#problem("wrote a text that nobody may receive");
    this.#inText = false;
    this.#open = false;
    this.#begun = false;
    this.#textInThisWrite = true;
    for (const each of this.#envelope) this.ended.set(each, (this.ended.get(each) ?? 0) + 1);
    const replies = this.#options.lmtp ? this.#accepted.length : 1;
    for (let i = 0; i < replies; i++) this.#owed.push({ verb: "text", followOn: false });
    return true;
  }

  #readLine(): boolean {
    const end = this.#sentPart.indexOf("\r\n");
    if (end === -1) {
      if (this.#sentPart !== "") this.#problem("wrote a part of a line");
      return false;
    }
    const line = this.#sentPart.slice(0, end);
    this.#sentPart = this.#sentPart.slice(end + 2);
    const said = line.slice(0, 4).toUpperCase();
    const verb = this.#options.lmtp && said === "LHLO" ? "EHLO" : said;
    if (this.#options.lmtp ? /^(?:EHLO|HELO)$/.test(said) : said === "LHLO") this.#problem(`wrote ${said}`);
    const newest = this.#owed.at(-1)?.verb;
    this.#checkOrder(verb, newest);
    if (verb === "RSET" || verb === "EHLO") {
      this.#open = false;
      this.#begun = false;
    }
    if ((verb === "RCPT" || verb === "DATA") && !this.#begun) this.#problem(`${verb} without MAIL`);
    if (verb === "MAIL") {
      if (this.#open) this.#problem("wrote MAIL without RSET though a transaction may be open");
      this.#begun = true;
      this.#eightBit = / BODY=8BITMIME( |$)/.test(line);
      this.#utf8 = line.endsWith(" SMTPUTF8");
      if (this.#utf8 && !this.#utf8Offered) this.#problem("wrote SMTPUTF8, which is not offered");
      this.#envelope = [];
      this.#mail = 0;
      this.#accepted = [];
    }
    if (!this.#utf8 && /[\x80-\xff]/.test(line)) this.#problem(`wrote ${verb} beyond ASCII without SMTPUTF8`);
    const address =
      verb === "RCPT" ? Buffer.from(/<(.*)>$/.exec(line)?.[1] ?? "?", "latin1").toString("utf8") : undefined;
    if (address !== undefined) this.#envelope.push(address);
    this.#owed.push({ verb, followOn: newest === "text", address });
    return true;
  }

  #checkOrder(verb: string, newest: string | undefined): void {
    if (newest === undefined) return;
    // The marker, to a server that fell silent behind a text.
    if (verb === "EHLO" && this.#owed.some(({ followOn }) => followOn)) return;
    if (this.#options.pipelining === "off" || !this.#pipelining)
      this.#problem(`${verb} in lock-step behind ${newest}`);
    if (ENDS_GROUP.has(newest)) this.#problem(`${verb} behind an unanswered ${newest}`);
    if (ENDS_GROUP.has(verb) && verb !== "DATA") this.#problem(`${verb} is not alone, but behind ${newest}`);
    if (newest !== "text") return;
    this.followOns++;
    if (this.#options.lmtp) this.#problem(`${verb} behind an unanswered text`);
    if (verb !== "RSET") this.#problem(`a follow-on begins with ${verb}`);
    if (this.#options.pipelining !== "auto")
      this.#problem(`a follow-on with pipelining "${this.#options.pipelining}"`);
    if (this.#options.followOn === "unfit") this.#problem("a follow-on to a peer known to be unfit");
    if (!this.#proven && !this.#textInThisWrite) this.#problem("an unproven follow-on in a write of its own");
  }

  // ---- what it is given

  #reply(code: number, lines: readonly string[]): void {
    const marker = code === 250 && lines.some((line, i) => i > 0 && /^250.pipelining$/i.test(line));
    if (marker) this.#dropSwallowed();
    if (this.#lost !== undefined) return;
    const owed = this.#owed.shift();
    const verb = owed?.verb;
    const unfit = this.#unfit(verb, code);
    if (owed === undefined && this.#inText && this.#textOctets > 0 && code >= 400) {
      // LMTP: it is the first one's, unless that is named again.
      const [first] = this.#accepted;
      const firstAlone = this.#accepted.filter((each) => each === first).length === 1;
      const refused = this.#options.lmtp ? this.#accepted.slice(0, firstAlone ? 1 : 0) : this.#envelope;
      for (const address of refused) this.refusedEarly.add(address);
    }
    if (owed === undefined || unfit !== undefined) {
      this.#lose(unfit ?? "a reply that nothing asked for");
      return;
    }
    this.#meaning(owed, code, lines);
    if (this.#suspects("strict")) return;
    if (code === 421) this.#suspicion = "lenient";
    else if (this.#owed.every((each) => each.verb === "EHLO")) this.#suspicion = "none";
  }

  #suspects(what: Suspicion): boolean {
    return this.#suspicion === what;
  }

  /** Why a reply shows that the two sides have lost step; undefined if it does not. */
  #unfit(verb: string | undefined, code: number): string | undefined {
    const kind = Math.trunc(code / 100);
    if (this.#suspicion === "strict") return "a reply behind a refused RSET or NOOP";
    if (kind === 1 || (verb === "DATA" ? kind === 2 : kind === 3)) return `${code} to ${verb}`;
    if (this.#suspicion === "refusedFollowOn" && verb !== "EHLO" && code !== 503) {
      return `${code} to ${verb} behind a RSET refused with 503`;
    }
    return undefined;
  }

  #meaning({ verb, followOn, address }: Owed, code: number, lines: readonly string[]): void {
    const kind = Math.trunc(code / 100);
    const marked = this.#owed.some((each) => each.verb === "EHLO");
    if (verb === "greeting" || verb === "HELO") {
      if (kind !== 2) this.#lose(`${verb} was refused`);
    } else if (verb === "EHLO") {
      if (kind === 4 || (kind === 5 && this.#options.lmtp)) this.#lose("EHLO was refused");
      this.#open = false;
      if (kind === 2) {
        this.#pipelining = lines.some((line, i) => i > 0 && /^250.pipelining$/i.test(line));
        this.#utf8Offered = lines.some((line, i) => i > 0 && /^250.smtputf8$/i.test(line));
      }
    } else if (verb === "RSET") {
      if (kind === 2) this.#proven ||= followOn;
      else this.#suspicion = followOn && code === 503 ? "refusedFollowOn" : "strict";
    } else if (verb === "NOOP") {
      if (kind !== 2) this.#suspicion = "strict";
    } else if (verb === "MAIL") {
      this.#mail = code;
      this.#open = kind === 2;
      if (code === 530 && this.#suspicion !== "refusedFollowOn") this.#lose("530 to MAIL");
    } else if (verb === "RCPT") {
      if (kind === 2) this.#accepted.push(address ?? "?");
      else if (address !== undefined) this.#envelope.splice(this.#envelope.indexOf(address), 1);
      if (kind === 2 && this.#mail >= 400) this.#open = true;
    } else if (verb === "DATA" && kind === 3) {
      const wrongSender = this.#mail === 503 || (this.#mail >= 400 && this.#accepted.length > 0);
      if (marked) this.#lose("a 354 with a marker under way");
      if (wrongSender) this.#lose("a 354 for another sender's transaction");
      if (this.#options.lmtp && this.#accepted.length === 0) this.#lose("a 354 that nobody may receive");
      this.#inText = true;
      this.#textOctets = 0;
    } else if (verb === "DATA" && this.#suspicion !== "refusedFollowOn") {
      this.#open = true;
    }
  }

  /** A marker that comes out of turn says that what was written before it was swallowed, if none of it was answered. */
  #dropSwallowed(): void {
    const at = this.#owed.findIndex(({ verb }) => verb === "EHLO");
    if (at <= 0) return;
    const first = this.#owed[0];
    if (first?.verb === "RSET" && first.followOn) this.#owed.splice(0, at);
    else this.#lose("a marker in place of a reply");
  }
}
