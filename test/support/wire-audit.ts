// Reads a conversation from the client's side as it happens and says which rule of pipelining a write breaks.
// Independent of src: it knows nothing but the octets.

/** What the client wrote from one MAIL to the next, and what was said to it. */
interface Envelope {
  /** Those not refused. */
  readonly recipients: string[];
  readonly accepted: string[];
  /** How many RCPT were written. */
  rcpts: number;
  /** The reply to MAIL; 0: none yet. */
  mail: number;
  /** Octets announced with BDAT. */
  octets: number;
  /** A chunk was written, and LAST was not. */
  begun: boolean;
  /** Its text was written to its end. */
  ended: boolean;
  refusedChunk: boolean;
  /** How LAST was answered: code and text. */
  words: string | undefined;
}

interface Owed {
  readonly verb: string;
  /** RSET: it stands behind an unanswered text. */
  readonly followOn: boolean;
  /** RCPT: whom it names. */
  readonly address?: string | undefined;
  readonly envelope: Envelope;
  /** Which command of the discard probe it is. */
  probe?: keyof Probe | undefined;
}

/** The discard probe, with the replies to its commands, each with its code in front. */
interface Probe {
  reset?: string;
  mail?: string;
  last?: string;
  again?: string;
}

type Suspicion = "none" | "lenient" | "strict" | "refusedFollowOn";

export interface AuditOptions {
  /** LMTP is spoken. Default false. */
  readonly lmtp?: boolean | undefined;
  readonly pipelining: "auto" | "transaction" | "off";
  /** What the memory of peers says when the session begins, unless {@link WireAudit.recalls}. Default `"unproven"`. */
  readonly followOn?: "unproven" | "proven" | "unfit" | undefined;
  /** Default `"auto"`. */
  readonly chunking?: "auto" | "strict" | "off" | undefined;
  /** What the memory of peers says of bursts when the session begins. Default `"unproven"`. */
  readonly bursts?: "unproven" | "proven" | "strict" | "unfit" | undefined;
}

const PROBE_TEXT = "XPRB\r\n";
const KNOWN = /^(?:EHLO|HELO|LHLO|MAIL|RCPT|DATA|BDAT|RSET|NOOP|HELP|VRFY|EXPN|ETRN|QUIT)$/;

const ENDS_GROUP = new Set(["greeting", "EHLO", "HELO", "DATA", "NOOP", "QUIT", "HELP", "VRFY", "XTRA"]);

export class WireAudit {
  readonly problems: string[] = [];
  readonly transcript: string[] = [];
  /** How often each recipient stood, not refused, in an envelope whose text was written to its end. */
  readonly ended: Map<string, number> = new Map();
  /** Recipients of an envelope whose text was refused before its end was written. */
  readonly refusedEarly: Set<string> = new Set();
  /** How often a text of {@link ended} was then known not to go to a recipient: refused, or surely not looked at. */
  readonly excused: Map<string, number> = new Map();
  /** How much was written, and how much came. */
  readonly octets: { toServer: number; toClient: number } = { toServer: 0, toClient: 0 };
  /** How often an envelope was written behind an unanswered text. */
  followOns = 0;
  /** How often a text was written behind an envelope without its replies. */
  bursts = 0;
  #options: AuditOptions;
  #envelope: Envelope = newEnvelope();
  #owed: Owed[] = [{ verb: "greeting", followOn: false, envelope: this.#envelope }];
  #sentPart = "";
  #receivedPart = "";
  #replyLines: string[] = [];
  #pipelining = false;
  #proven: boolean;
  #inText = false;
  /** The chunk that is being written. */
  /** Recipients that were refused while the last octets of their text were being written. */
  readonly #late: string[] = [];
  #chunk: { left: number; readonly size: number; readonly last: boolean } | undefined;
  #chunkingOffered = false;
  /** A BDAT was written. */
  #chunked = false;
  /** The SIZE offered. */
  #most = Number.POSITIVE_INFINITY;
  #probe: Probe | undefined;
  /** Behind the probe: what the first message alone has shown. */
  #alone: "open" | "passed" | "alike" = "open";
  #resetWords: string | undefined;
  /** MAIL was written, and nothing since that ends the transaction. */
  #begun = false;
  #textOctets = 0;
  #eightBit = false;
  #utf8Offered = false;
  /** MAIL said SMTPUTF8. */
  #utf8 = false;
  /** RSET is due before the next MAIL. */
  #open = false;
  /** Why nothing may be written at all any more. */
  #lost: string | undefined;
  #suspicion: Suspicion = "none";
  /** Octets came behind the reply that roused suspicion. */
  #heardSince = false;
  #textInThisWrite = false;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#proven = options.followOn === "proven";
  }

  /** The client asked the memory of peers, and was told this. */
  recalls(known: Pick<AuditOptions, "followOn"> & { readonly chunking: AuditOptions["bursts"] }): void {
    this.#options = { ...this.#options, followOn: known.followOn, bursts: known.chunking };
    this.#proven = known.followOn === "proven";
  }

  note(what: string): void {
    this.transcript.push(`   ${what}`);
  }

  /** Octets of one write of the client's. */
  sent(octets: string): void {
    if (octets === "") return;
    this.octets.toServer += octets.length;
    this.transcript.push(`C: ${JSON.stringify(octets.length > 600 ? `${octets.slice(0, 600)}…` : octets)}`);
    if (this.#lost !== undefined) this.#problem(`wrote after ${this.#lost}`);
    else if (this.#suspicion !== "none" && !this.#endsChunk(octets))
      this.#problem(`wrote although suspicion is ${this.#suspicion}`);
    this.#textInThisWrite = false;
    this.#sentPart += octets;
    while (this.#chunk ? this.#readOctets() : this.#inText ? this.#readText() : this.#readLine());
  }

  /** Whether a write is the rest of a chunk that was announced before, with the RSET that stands behind a burst's. */
  #endsChunk(octets: string): boolean {
    return this.#chunk !== undefined && /^(RSET\r\n)?$/.test(octets.slice(this.#chunk.left));
  }

  /** Octets that the client was given. */
  received(octets: string): void {
    this.octets.toClient += octets.length;
    this.transcript.push(`S: ${JSON.stringify(octets.length > 600 ? `${octets.slice(0, 600)}…` : octets)}`);
    this.#receivedPart += octets;
    this.#readReplies();
    if (this.#suspicion !== "none" && this.#receivedPart !== "") this.#heardSince = true;
  }

  /** The connection is over: what was written behind a suspicious reply that was the last was not looked at. */
  end(): void {
    if (this.#suspicion === "none" || this.#heardSince) return;
    for (const { verb, envelope } of this.#owed) if (verb === "LAST") this.#excuse(...envelope.recipients);
  }

  #excuse(...addresses: readonly string[]): void {
    for (const each of addresses) this.excused.set(each, (this.excused.get(each) ?? 0) + 1);
  }

  #readReplies(): void {
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
    if ((found > 0 || this.#options.lmtp) && this.#envelope.accepted.length === 0)
      this.#problem("wrote a text that nobody may receive");
    this.#inText = false;
    this.#open = false;
    this.#endText("text");
    return true;
  }

  #endText(verb: "text" | "LAST"): void {
    const envelope = this.#envelope;
    this.#begun = false;
    this.#textInThisWrite = true;
    envelope.ended = true;
    for (const each of envelope.recipients) this.ended.set(each, (this.ended.get(each) ?? 0) + 1);
    for (const address of this.#late.splice(0)) this.#refuse(envelope, address);
    const replies = this.#options.lmtp ? envelope.accepted.length : 1;
    for (let i = 0; i < replies; i++) this.#owed.push({ verb, followOn: false, envelope });
  }

  #refuse(envelope: Envelope, address: string): void {
    envelope.recipients.splice(envelope.recipients.indexOf(address), 1);
    if (envelope.ended) this.#excuse(address);
  }

  #readOctets(): boolean {
    const chunk = this.#chunk;
    if (chunk === undefined) return true;
    const envelope = this.#envelope;
    const octets = this.#sentPart.slice(0, chunk.left);
    this.#sentPart = this.#sentPart.slice(octets.length);
    chunk.left -= octets.length;
    if (!this.#eightBit && /[\x80-\xff]/.test(octets))
      this.#problem("wrote 8-bit text without BODY=8BITMIME");
    if (envelope.rcpts === 0 && octets !== PROBE_TEXT) this.#problem("BDAT without RCPT, and no probe");
    if (chunk.left > 0) return false;
    this.#chunk = undefined;
    if (!chunk.last) this.#owed.push({ verb: "BDAT", followOn: false, envelope });
    else {
      this.#endText("LAST");
      envelope.begun = false;
      // RFC 3030 §2: behind a BDAT that failed the state is indeterminate; so RSET is due behind each.
      this.#open = true;
      const newest = this.#owed.at(-1);
      if (envelope.rcpts === 0 && newest !== undefined) newest.probe = "last";
    }
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
    const before = this.#owed.at(-1);
    const newest = before?.verb;
    this.#checkOrder(verb, newest);
    if (this.#chunked && !KNOWN.test(verb)) this.#problem(`wrote ${JSON.stringify(line)} as a command`);
    if (verb === "BDAT") return this.#announce(line);
    const hopeless = this.#hopeless(this.#envelope);
    if (this.#envelope.begun && !(verb === "RSET" && hopeless)) this.#problem(`${verb} between two chunks`);
    if (verb === "RSET" || verb === "EHLO") {
      this.#open = false;
      this.#begun = false;
      this.#envelope = newEnvelope();
    }
    if ((verb === "RCPT" || verb === "DATA") && !this.#begun) this.#problem(`${verb} without MAIL`);
    if (verb === "MAIL") {
      if (this.#open) this.#problem("wrote MAIL without RSET though a transaction may be open");
      this.#begun = true;
      this.#eightBit = / BODY=(?:8BITMIME|BINARYMIME)( |$)/.test(line);
      this.#utf8 = line.endsWith(" SMTPUTF8");
      if (this.#utf8 && !this.#utf8Offered) this.#problem("wrote SMTPUTF8, which is not offered");
      this.#envelope = newEnvelope();
    }
    if (!this.#utf8 && /[\x80-\xff]/.test(line)) this.#problem(`wrote ${verb} beyond ASCII without SMTPUTF8`);
    const address =
      verb === "RCPT" ? Buffer.from(/<(.*)>$/.exec(line)?.[1] ?? "?", "latin1").toString("utf8") : undefined;
    if (address !== undefined) {
      this.#envelope.recipients.push(address);
      this.#envelope.rcpts++;
    }
    const behindText = newest === "text" || newest === "LAST";
    const envelope = verb === "RSET" && behindText && before !== undefined ? before.envelope : this.#envelope;
    const probe = verb === "RSET" && before?.probe === "last" ? "again" : undefined;
    this.#owed.push({ verb, followOn: behindText, address, envelope, probe });
    return true;
  }

  #announce(line: string): boolean {
    const envelope = this.#envelope;
    const [, size, last] = /^BDAT (\d+)( LAST)?$/.exec(line) ?? [];
    if (size === undefined) {
      this.#problem(`wrote ${line}`);
      return true;
    }
    this.#chunked = true;
    if (!this.#chunkingOffered) this.#problem("BDAT, and CHUNKING is not offered");
    if (this.#options.chunking === "off") this.#problem('BDAT with chunking "off"');
    if (!this.#begun) this.#problem("BDAT without MAIL");
    if (envelope.refusedChunk) this.#problem("a chunk behind one that was refused");
    if (envelope.octets + Number(size) > this.#most) this.#problem("chunks beyond SIZE");
    if (envelope.rcpts === 0) this.#beginProbe(envelope);
    else this.#checkText(envelope);
    envelope.octets += Number(size);
    envelope.begun = true;
    this.#chunk = { left: Number(size), size: Number(size), last: last !== undefined };
    return true;
  }

  #beginProbe(envelope: Envelope): void {
    const { chunking, pipelining, lmtp, bursts } = this.#options;
    if (chunking === "strict" || pipelining !== "auto" || lmtp) this.#problem("a probe where none is due");
    if (bursts !== undefined && bursts !== "unproven") this.#problem("a probe of a peer that is known");
    if (this.#probe !== undefined) this.#problem("a second probe");
    this.#probe = {};
    const [reset, mail, ...others] = this.#owed;
    if (reset?.verb !== "RSET" || mail?.envelope !== envelope || others.length > 0) {
      this.#problem("a probe that is no group of its own");
    }
    if (reset !== undefined) reset.probe = "reset";
    if (mail !== undefined) mail.probe = "mail";
  }

  #checkText(envelope: Envelope): void {
    const waiting = this.#owed.some((each) => each.envelope === envelope && /MAIL|RCPT/.test(each.verb));
    if (this.#options.bursts === "unfit" || this.#probed === "failed")
      this.#problem("BDAT to a peer unfit for it");
    if (waiting) {
      this.bursts++;
      if (!this.#mayBurst) this.#problem("BDAT before the replies to its envelope");
    } else if (this.#hopeless(envelope)) this.#problem("wrote a text that nobody may receive");
  }

  /** Nothing can come of this text any more. */
  #hopeless(envelope: Envelope): boolean {
    const { mail, accepted, refusedChunk } = envelope;
    const waiting = this.#owed.some((each) => each.envelope === envelope && /MAIL|RCPT/.test(each.verb));
    return refusedChunk || mail >= 400 || (!waiting && accepted.length === 0);
  }

  get #probed(): "no" | "pending" | "passed" | "failed" {
    if (this.#probe === undefined) return "no";
    const { reset, mail, last, again } = this.#probe;
    if (again === undefined) return "pending";
    const sound = /^2/.test(reset ?? "") && /^2/.test(mail ?? "") && /^5/.test(last ?? "") && reset === again;
    return sound ? "passed" : "failed";
  }

  get #mayBurst(): boolean {
    const { chunking, pipelining, lmtp, bursts } = this.#options;
    if (chunking === "strict" || pipelining !== "auto" || lmtp) return false;
    return bursts === "proven" || (this.#probed === "passed" && this.#alone === "passed");
  }

  #checkOrder(verb: string, newest: string | undefined): void {
    if (newest === undefined) return;
    // The marker, to a server that fell silent behind a text.
    if (verb === "EHLO" && this.#owed.some(({ followOn }) => followOn)) return;
    if (this.#options.pipelining === "off" || !this.#pipelining)
      this.#problem(`${verb} in lock-step behind ${newest}`);
    if (ENDS_GROUP.has(newest)) this.#problem(`${verb} behind an unanswered ${newest}`);
    if (ENDS_GROUP.has(verb) && verb !== "DATA") this.#problem(`${verb} is not alone, but behind ${newest}`);
    if (newest === "LAST" && verb !== "RSET") this.#problem(`${verb} behind LAST, where RSET is due`);
    if (this.#options.lmtp && (newest === "LAST" || newest === "BDAT"))
      this.#problem(`${verb} behind an unanswered BDAT`);
    const behindLast = this.#owed.find((each) => each.verb === "LAST" && each.probe === undefined);
    if (verb === "MAIL" && behindLast !== undefined) this.#checkBehindLast();
    if (newest !== "text") return;
    this.followOns++;
    if (this.#options.lmtp) this.#problem(`${verb} behind an unanswered text`);
    if (verb !== "RSET") this.#problem(`a follow-on begins with ${verb}`);
    if (this.#options.pipelining !== "auto")
      this.#problem(`a follow-on with pipelining "${this.#options.pipelining}"`);
    if (this.#options.followOn === "unfit") this.#problem("a follow-on to a peer known to be unfit");
    if (!this.#proven && !this.#textInThisWrite) this.#problem("an unproven follow-on in a write of its own");
  }

  /** An envelope, behind a LAST that is not answered. */
  #checkBehindLast(): void {
    const { pipelining, followOn } = this.#options;
    this.followOns++;
    if (pipelining !== "auto") this.#problem(`a follow-on with pipelining "${pipelining}"`);
    if (followOn === "unfit") this.#problem("a follow-on to a peer known to be unfit");
    if (this.#mayBurst) return;
    if (this.#probed === "passed" && this.#alone === "open") this.#problem("the first message is not alone");
    if (!this.#proven && !this.#textInThisWrite) this.#problem("an unproven follow-on in a write of its own");
  }

  // ---- what it is given

  #reply(code: number, lines: readonly string[]): void {
    const marker = code === 250 && lines.some((line, i) => i > 0 && /^250.pipelining$/i.test(line));
    if (marker) this.#dropSwallowed();
    if (this.#lost !== undefined) return;
    const owed = this.#owed.shift();
    const verb = owed?.verb;
    if (this.#suspicion !== "none") this.#heardSince = true;
    const unfit = this.#unfit(verb, code);
    const begun = this.#chunk ? this.#chunk.left < this.#chunk.size : this.#inText && this.#textOctets > 0;
    if (owed === undefined && begun && code >= 400) {
      // LMTP: it is the first one's, unless that is named again.
      const { accepted, recipients } = this.#envelope;
      const [first] = accepted;
      const firstAlone = accepted.filter((each) => each === first).length === 1;
      const refused = this.#options.lmtp ? accepted.slice(0, firstAlone ? 1 : 0) : recipients;
      for (const address of refused) this.refusedEarly.add(address);
    }
    if (owed === undefined || unfit !== undefined) {
      this.#lose(unfit ?? "a reply that nothing asked for");
      return;
    }
    this.#meaning(owed, code, lines);
    if (owed.probe !== undefined && this.#probe !== undefined) this.#probe[owed.probe] = wordsOf(lines);
    if (this.#suspects("strict")) return;
    if (code === 421) {
      this.#suspicion = "lenient";
      this.#heardSince = false;
    } else if (this.#owed.every((each) => each.verb === "EHLO")) this.#suspicion = "none";
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

  #meaning(owed: Owed, code: number, lines: readonly string[]): void {
    const { verb, followOn, address, envelope } = owed;
    const current = envelope === this.#envelope;
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
        this.#chunkingOffered = lines.some((line, i) => i > 0 && /^250.chunking$/i.test(line));
        const size = lines.map((line) => /^250.size (\d+)$/i.exec(line)?.[1]).find(Boolean);
        this.#most = Number(size ?? 0) || Number.POSITIVE_INFINITY; // RFC 1870 §4: 0 is no limit
      }
    } else if (verb === "RSET") {
      if (kind === 2) this.#proven ||= followOn;
      else {
        this.#suspicion = followOn && code === 503 ? "refusedFollowOn" : "strict";
        this.#heardSince = false;
      }
      if (kind === 2) this.#resetAnswered(owed, wordsOf(lines));
    } else if (verb === "NOOP") {
      if (kind !== 2) this.#suspicion = "strict";
    } else if (verb === "MAIL") {
      envelope.mail = code;
      if (current && !envelope.ended) this.#open = kind === 2;
      if (code === 530 && this.#suspicion !== "refusedFollowOn") this.#lose("530 to MAIL");
    } else if (verb === "RCPT") {
      if (kind === 2) envelope.accepted.push(address ?? "?");
      else if (address !== undefined) {
        // While the last octets of its text are on their way a refusal is not sure yet: step may be lost behind it.
        if (this.#chunk?.last === true && envelope === this.#envelope) this.#late.push(address);
        else this.#refuse(envelope, address);
      }
      if (current && kind === 2 && envelope.mail >= 400) this.#open = true;
    } else if (verb === "BDAT") {
      envelope.refusedChunk ||= kind !== 2;
    } else if (verb === "LAST") {
      this.#lastAnswered(envelope, code, wordsOf(lines));
    } else if (verb === "DATA" && kind === 3) {
      const { mail, accepted } = envelope;
      const wrongSender = mail === 503 || (mail >= 400 && accepted.length > 0);
      if (marked) this.#lose("a 354 with a marker under way");
      if (wrongSender) this.#lose("a 354 for another sender's transaction");
      if (this.#options.lmtp && accepted.length === 0) this.#lose("a 354 that nobody may receive");
      this.#inText = true;
      this.#textOctets = 0;
    } else if (verb === "DATA" && this.#suspicion !== "refusedFollowOn") {
      this.#open = true;
    }
  }

  #lastAnswered(envelope: Envelope, code: number, words: string): void {
    envelope.words = words;
    if (code >= 400) {
      // Nothing was done of what a server refuses unseen: the message may go out again.
      if (this.#suspicion === "refusedFollowOn") this.#excuse(...envelope.recipients);
      return;
    }
    if (envelope.mail >= 400) this.#lose("a text taken whose MAIL was refused");
    if (this.#mayBurst && words === this.#resetWords) this.#lose("a LAST answered in the words of RSET");
  }

  #resetAnswered({ envelope, followOn, probe }: Owed, words: string): void {
    if (this.#mayBurst && words !== (this.#resetWords ?? words)) this.#lose("a RSET in other words");
    if (probe === undefined) this.#resetWords ??= words;
    else this.#resetWords = words;
    const taken = envelope.words?.startsWith("2") === true;
    if (!followOn || probe !== undefined || !taken || this.#alone !== "open") return;
    if (this.#probed === "passed") this.#alone = envelope.words === words ? "alike" : "passed";
  }

  /** A marker that comes out of turn says that what was written before it was swallowed, if none of it was answered. */
  #dropSwallowed(): void {
    const at = this.#owed.findIndex(({ verb }) => verb === "EHLO");
    if (at <= 0) return;
    const first = this.#owed[0];
    if (first?.verb === "RSET" && first.followOn) {
      const swallowed = this.#owed.splice(0, at);
      for (const { verb, envelope } of swallowed) if (verb === "LAST") this.#excuse(...envelope.recipients);
    } else this.#lose("a marker in place of a reply");
  }
}

function newEnvelope(): Envelope {
  return {
    recipients: [],
    accepted: [],
    rcpts: 0,
    mail: 0,
    octets: 0,
    begun: false,
    ended: false,
    refusedChunk: false,
    words: undefined,
  };
}

function wordsOf(lines: readonly string[]): string {
  return lines.join("\n");
}
