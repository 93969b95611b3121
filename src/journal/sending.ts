import { SmtpError } from "../protocol/errors.ts";
import type { BeginSending, JournaledEvents, JournaledFate, JournaledSender } from "../session/journal.ts";
import type { Delivery, Message } from "../session/message.ts";
import { time } from "./clock.ts";
import {
  begun,
  booked,
  closed,
  isOpen,
  placesOf,
  putBack,
  type RetrySchedule,
  type StoredEntry,
} from "./entry.ts";
import type { Records } from "./records.ts";

/** A message that is on its way through a session or pool. */
interface Passage {
  readonly seq: number;
  entry: StoredEntry;
  /** For each recipient of the message as it was handed out, its place in the entry. */
  readonly places: readonly number[];
  /** Those that have a fate in this try. */
  readonly decided: Set<number>;
  /** Whose it is, and its number there; undefined: it was handed out, and nobody has begun it. */
  sender: JournaledSender | undefined;
  messageSeq: number;
}

/** What this process has in hand: from handing out to the fate of the last recipient. */
export class Sending {
  readonly #records: Records;
  readonly #retry: RetrySchedule;
  readonly #passages = new Map<string, Passage>();
  /** Those whose entries are to be written. */
  readonly #changed = new Set<Passage>();
  #scheduled = false;

  readonly #putAside: () => void;

  /** @param putAside is called when something waits again */
  constructor(records: Records, retry: RetrySchedule, putAside: () => void) {
    this.#records = records;
    this.#retry = retry;
    this.#putAside = putAside;
  }

  /** Whether a message is in hand. */
  has(id: string): boolean {
    return this.#passages.has(id);
  }

  /** Somebody gets a message to send it. */
  handOut(seq: number, entry: StoredEntry, places: readonly number[]): void {
    this.#passages.set(entry.id, {
      seq,
      entry,
      places,
      decided: new Set(),
      sender: undefined,
      messageSeq: 0,
    });
  }

  /** Listens to a session or pool. Returns what it is to ask before it sends. */
  attach(sender: JournaledSender): BeginSending {
    const on = <E extends keyof JournaledEvents>(event: E, listener: JournaledEvents[E]): void => {
      sender.on(event as "messageEnd", listener as never);
    };
    on("recipientSucceeded", (event) => this.#book(sender, event));
    on("recipientFailed", (event) => this.#book(sender, event));
    on("recipientUnknown", (event) => this.#book(sender, event));
    on("retry", ({ messageId, messageSeq }) => {
      const passage = this.#passageOf(sender, messageId, messageSeq);
      if (passage !== undefined) this.#change(passage, putBack(passage.entry));
    });
    on("messageEnd", ({ messageId, messageSeq, delivery }) => {
      this.#end(sender, messageId, messageSeq, delivery);
    });
    return (message, id, messageSeq) => this.#begin(sender, message, id, messageSeq);
  }

  async #begin(sender: JournaledSender, message: Message, id: string, messageSeq: number): Promise<void> {
    if (!this.#passages.has(id)) {
      const { seq, entry } = this.#records.find(id) ?? this.#records.make(message, id);
      this.handOut(seq, entry, known(entry, message));
    }
    const passage = this.#passages.get(id);
    const another =
      passage?.sender !== undefined && (passage.sender !== sender || passage.messageSeq !== messageSeq);
    if (passage === undefined || another) {
      throw duplicate(id, "another message with this id is being sent");
    }
    const places = known(passage.entry, message);
    passage.sender = sender;
    passage.messageSeq = messageSeq;
    passage.entry = begun(passage.entry, places, time());
    this.#changed.delete(passage);
    await this.#records.sync(passage.seq, passage.entry);
  }

  #passageOf(sender: JournaledSender, id: string, messageSeq: number): Passage | undefined {
    const passage = this.#passages.get(id);
    const its = passage?.sender === sender && passage.messageSeq === messageSeq;
    // What failed before it was begun was handed out to somebody who sends it here.
    return its || passage?.sender === undefined ? passage : undefined;
  }

  #book(sender: JournaledSender, result: JournaledFate): void {
    const passage = this.#passageOf(sender, result.messageId, result.messageSeq);
    if (passage === undefined) return;
    const { entry, places, decided } = passage;
    const place = places.find(
      (each) => !decided.has(each) && entry.recipients[each]?.address === result.address,
    );
    if (place === undefined) return;
    decided.add(place);
    this.#change(passage, booked(entry, place, result));
  }

  /** The delivery has them all in order: where one address stands twice it knows which is which. */
  #end(sender: JournaledSender, id: string, messageSeq: number, delivery: Delivery): void {
    const passage = this.#passageOf(sender, id, messageSeq);
    if (passage === undefined) return;
    let { entry } = passage;
    delivery.recipients.forEach((result, i) => {
      const place = passage.places[i];
      if (place !== undefined) entry = booked(entry, place, result);
    });
    this.#passages.delete(id);
    this.#change(passage, closed(entry, time(), this.#retry, Math.random()));
  }

  #change(passage: Passage, entry: StoredEntry): void {
    passage.entry = entry;
    this.#changed.add(passage);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // The recipients of a message have their fates in one turn, and mostly it is over with them.
    queueMicrotask(() => this.flush());
  }

  /** Writes what has changed. */
  flush(): void {
    this.#scheduled = false;
    for (const { seq, entry } of this.#changed) {
      this.#records.write(seq, entry, this.#putAside);
      if (!this.#passages.has(entry.id)) this.#records.forget(seq);
    }
    this.#changed.clear();
  }
}

/** The places of a message's recipients. @throws SmtpError `ESMTP_JOURNAL_DUPLICATE` for what is not to be sent (again) */
function known(entry: StoredEntry, message: Message): number[] {
  return placesOf(entry, message).map((place) => {
    const recipient = place === undefined ? undefined : entry.recipients[place];
    if (place === undefined || recipient === undefined) {
      throw duplicate(entry.id, "it has a message with this id, to other recipients");
    }
    if (!isOpen(recipient)) {
      throw duplicate(entry.id, `its recipient ${recipient.address} is ${recipient.state} already`);
    }
    return place;
  });
}

function duplicate(id: string, why: string): SmtpError {
  const message = `The journal does not let the message ${JSON.stringify(id)} go: ${why}`;
  return new SmtpError("ESMTP_JOURNAL_DUPLICATE", message);
}
