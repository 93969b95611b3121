import type { Delivery, PayloadOf, RecipientResult, SessionEventName, SmtpSession } from "smtp-pipelining";
import { expect } from "vitest";

const NAMES: readonly SessionEventName[] = [
  "connecting",
  "connect",
  "ready",
  "messageQueued",
  "messageStart",
  "sent",
  "reply",
  "recipientAccepted",
  "recipientSucceeded",
  "recipientFailed",
  "recipientUnknown",
  "messageEnd",
  "groupStart",
  "groupEnd",
  "drain",
  "warning",
  "error",
  "close",
];

type Told =
  | { readonly name: SessionEventName; readonly event: PayloadOf<SessionEventName> }
  | { readonly name: "promise"; readonly delivery: Delivery };

const EVENT_OF: Record<RecipientResult["status"], SessionEventName> = {
  succeeded: "recipientSucceeded",
  failed: "recipientFailed",
  unknown: "recipientUnknown",
};

/** All events of a session and the promises of its messages, in the order in which they came. */
export class EventLog {
  readonly #told: Told[] = [];
  readonly #sessionId: string;

  constructor(session: SmtpSession) {
    this.#sessionId = session.id;
    for (const name of NAMES) {
      session.on(name, (event: PayloadOf<SessionEventName>) => {
        this.#told.push({ name, event });
      });
    }
  }

  /** The promise of a message was fulfilled. */
  fulfilled(delivery: Delivery): void {
    this.#told.push({ name: "promise", delivery });
  }

  /** The same, of a message that came when the session was closed: nothing comes after `close`. */
  untold({ id }: Delivery): void {
    const about = this.#told.filter(({ name }) => name !== "promise").map((told) => JSON.stringify(told));
    expect(about.filter((told) => told.includes(`"${id}"`))).toEqual([]);
  }

  /** The events of one name. */
  of<E extends SessionEventName>(name: E): PayloadOf<E>[] {
    return this.#told.flatMap((told) => (told.name === name ? [told.event as PayloadOf<E>] : []));
  }

  /** Names and what identifies each, for a look at the order. */
  get names(): string[] {
    return this.#told.map(({ name }) => name);
  }

  /** The events agree with one another and with the deliveries. */
  check(): void {
    const deliveries = this.#told.flatMap((told) => (told.name === "promise" ? [told.delivery] : []));
    for (const told of this.#told) {
      if (told.name === "promise") continue;
      expect(told.event.sessionId).toBe(this.#sessionId);
      expect(told.event.time).toBeGreaterThan(1e12);
    }
    expect(this.#indexes("close").length, "close events").toBe(1);
    // A promise is fulfilled before close, or (its continuation) right behind it.
    const last = this.#told.filter(({ name }) => name !== "promise").at(-1);
    expect(last?.name, "the last event").toBe("close");
    expect(this.#indexes("error").length, "error events").toBeLessThanOrEqual(1);
    expect(this.#indexes("ready").length, "ready events").toBeLessThanOrEqual(1);
    expect(deliveries.length, "every message queued has its delivery").toBe(this.of("messageQueued").length);
    for (const delivery of deliveries) this.#checkMessage(delivery);
    this.#checkGroups();
  }

  #indexes(name: Told["name"], matches: (told: Told) => boolean = () => true): number[] {
    return this.#told.flatMap((told, i) => (told.name === name && matches(told) ? [i] : []));
  }

  #checkMessage(delivery: Delivery): void {
    const { id, recipients } = delivery;
    const own = (told: Told): boolean =>
      told.name !== "promise" && "messageId" in told.event && told.event.messageId === id;
    const [queued, ...queuedAgain] = this.#indexes("messageQueued", own);
    const starts = this.#indexes("messageStart", own);
    const [end, ...endedAgain] = this.#indexes(
      "messageEnd",
      (told) => told.name !== "promise" && "delivery" in told.event && told.event.delivery.id === id,
    );
    const [promise, ...promisedAgain] = this.#indexes(
      "promise",
      (told) => told.name === "promise" && told.delivery.id === id,
    );
    expect([queuedAgain, endedAgain, promisedAgain], `${id} is told of once`).toEqual([[], [], []]);
    expect(queued, `${id} is queued`).toBeDefined();
    expect(end, `${id} ends`).toBeDefined();
    expect(end, `${id}: messageEnd before the promise`).toBeLessThan(promise ?? -1);
    expect(starts.length, `${id} starts`).toBeLessThanOrEqual(1);
    expect(this.of("messageEnd").filter(({ delivery: same }) => same.id === id)).toMatchObject([
      { delivery },
    ]);

    const settled = this.#told.flatMap((told, i) =>
      told.name.match(/^recipient(?:Succeeded|Failed|Unknown)$/) && own(told) ? [{ told, i }] : [],
    );
    expect(settled.length, `${id}: one event per recipient`).toBe(recipients.length);
    for (const { i } of settled) {
      expect(i, `${id}: recipients before messageEnd`).toBeLessThan(end ?? -1);
      expect(i, `${id}: recipients after messageQueued`).toBeGreaterThan(queued ?? -1);
    }
    for (const result of recipients) {
      const { status, ...facts } = result;
      const events = settled.filter(({ told }) => told.name === EVENT_OF[status]).map(({ told }) => told);
      expect(events, `${id}: ${result.address}`).toContainEqual(
        expect.objectContaining({ event: expect.objectContaining(withoutUndefined(status, facts)) }),
      );
    }
    const accepted = this.of("recipientAccepted").filter(({ messageId }) => messageId === id);
    for (const { address, status } of delivery.succeeded) {
      expect(
        accepted.map((event) => event.address),
        `${status} recipients were accepted`,
      ).toContain(address);
    }
    if (accepted.length > 0) expect(starts.length, `${id} was started`).toBe(1);
    for (const i of this.#indexes("sent", own))
      expect(i).toBeGreaterThan(starts[0] ?? Number.POSITIVE_INFINITY);
    expect(this.#indexes("sent", own).every((i) => i < (end ?? -1) || delivery.recipients.length > 0)).toBe(
      true,
    );
  }

  #checkGroups(): void {
    const begun = this.of("groupStart").map(({ groupId }) => groupId);
    const groups = this.of("groupEnd").map(({ group }) => group);
    expect(
      groups.map(({ id }) => id),
      "groups end in the order they begin, each once",
    ).toEqual(begun);
    expect(begun).toEqual(begun.map((_, i) => i + 1));
    for (const group of groups) {
      const { exchanges, sent, codes, messages, errors } = group;
      expect(sent).toEqual(exchanges.map(({ line }) => line));
      expect(codes).toEqual(exchanges.map(({ reply }) => reply?.code));
      expect(messages).toEqual(exchanges.map(({ reply }) => reply?.text));
      expect(errors).toEqual(exchanges.filter(({ reply }) => (reply?.code ?? 0) >= 400));
      expect(group.durationMs).toBeGreaterThanOrEqual(0);
    }
    for (const status of ["succeeded", "failed", "unknown"] as const) {
      const booked = groups.flatMap(({ recipients }) => recipients[status]);
      const told = this.of("messageEnd").flatMap(({ delivery }) => delivery.recipients);
      const left = told.filter((result) => result.status === status).map(({ address }) => address);
      for (const address of booked) {
        expect(left, `${status} in a group`).toContain(address);
        left.splice(left.indexOf(address), 1);
      }
      if (status === "succeeded") expect(left, "succeeded in no group").toEqual([]);
    }
    const exchanges = groups.flatMap((group) => group.exchanges);
    // LMTP answers one "." several times, and one LAST.
    const commands = exchanges.filter(({ command, line, messageSeq }, i) => {
      const before = exchanges[i - 1];
      const ends = command === "text" || line.endsWith(" LAST");
      const answersAgain = ends && before?.line === line && before.messageSeq === messageSeq;
      return command !== "greeting" && !answersAgain;
    });
    expect(commands.map(({ line }) => line)).toEqual(this.of("sent").map(({ line }) => line));
    expect(exchanges.flatMap(({ reply }) => (reply === undefined ? [] : [reply]))).toEqual(
      this.of("reply").map(({ reply }) => reply),
    );
  }
}

function withoutUndefined(status: RecipientResult["status"], facts: object): object {
  // The event of a success has no stage: there is only one.
  return Object.fromEntries(
    Object.entries(facts).filter(
      ([field]) => !(status !== "failed" && (field === "stage" || field === "retryable")),
    ),
  );
}
