import type { HandshakeNeed } from "../pipeline/asking.ts";
import { offersEarly } from "../pipeline/early.ts";
import type { RecipientResult } from "../pipeline/fate.ts";
import type { Group, PendingExchange } from "../pipeline/group.ts";
import type { Handshake } from "../pipeline/handshake.ts";
import type { CloseReason, OrdinaryCommand, PeerWarning, PipelineObserver } from "../pipeline/observer.ts";
import { type PeerFacts, UNKNOWN_PEER } from "../pipeline/peer.ts";
import type { Recipient, Transaction } from "../pipeline/transaction.ts";
import type { Capabilities } from "../protocol/capabilities.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import { EVENT_OF_STATUS, type Facts, type SessionEventName } from "./events.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { earlyKey, fromLines, peerKey, toLines } from "./peers.ts";

/** What the session does with what the pipeline tells. */
export interface Teller {
  /** Whether anybody listens: payloads are built for nobody else. */
  wants(event: SessionEventName): boolean;
  /** Emits an event once the state is consistent. The facts become its payload: nobody else may have them. */
  tell<E extends SessionEventName>(event: E, facts: Facts<E>): void;
  /** Does something in its turn among the events. */
  later(work: () => void): void;
  needs(need: HandshakeNeed): void;
  again(transaction: Transaction): void;
  ready(handshake: Handshake): void;
  commandEnd(command: OrdinaryCommand, outcome: Reply | SmtpError): void;
  ended(reason: CloseReason, error?: SmtpError): void;
}

/** Turns what the pipeline tells into events and promises. */
export function makeObserver(
  teller: Teller,
  outbox: Outbox,
  options: ResolvedOptions,
): PipelineObserver & { readonly offeredBefore: () => Capabilities | undefined } {
  const early = earlyKey(options.host, options.port, options.tls === "implicit");
  let peer = "";
  let memoryFailed = false;

  const memory = <T>(use: () => T): T | undefined => {
    try {
      return use();
    } catch (cause) {
      const message = "The memory of peers failed; the session goes on without it";
      if (!memoryFailed) teller.tell("warning", { code: "ESMTP_PEER_MEMORY_FAILED", message, cause });
      memoryFailed = true;
      return undefined;
    }
  };

  const rememberOffered = (offered: PeerFacts["offered"]): void => {
    memory(() => {
      // What was not offered is not kept, unless it was before.
      if (offered !== undefined || options.peers.get(early)?.offered !== undefined) {
        options.peers.set(early, { ...UNKNOWN_PEER, offered });
      }
    });
  };

  return {
    /** What the server offered to an earlier connection, if an envelope may leave with this one. */
    offeredBefore(): Capabilities | undefined {
      if (!mayBeEarly(options)) return undefined;
      const { offered } = memory(() => options.peers.get(early)) ?? {};
      if (!Array.isArray(offered)) return undefined;
      const capabilities = fromLines(offered);
      // It would leave without the TLS that is wanted.
      return options.tls === "opportunistic" && capabilities.has("STARTTLS") ? undefined : capabilities;
    },

    earlyUnfit: () => rememberOffered(undefined),

    recall({ capabilities, offeredFirst }: Handshake): PeerFacts {
      rememberOffered(offeredFirst && offersEarly(capabilities) ? toLines(capabilities) : undefined);
      peer = peerKey(options.host, options.port, capabilities);
      // What an older version remembered may lack a fact.
      return { ...UNKNOWN_PEER, ...memory(() => options.peers.get(peer)) };
    },

    needs: (need: HandshakeNeed) => teller.needs(need),

    ready: (handshake: Handshake) => teller.ready(handshake),

    learnt(facts: PeerFacts, warning?: PeerWarning): void {
      memory(() => options.peers.set(peer, facts));
      if (warning !== undefined) teller.tell("warning", { ...warning });
    },

    warned: (warning: PeerWarning) => teller.tell("warning", { ...warning }),

    groupStart(group: Group): void {
      if (teller.wants("groupStart")) teller.tell("groupStart", { groupId: group.id });
    },

    groupEnd(group: Group): void {
      if (teller.wants("groupEnd")) teller.tell("groupEnd", { group: group.toCommandGroup() });
    },

    sent(exchange: PendingExchange): void {
      if (!teller.wants("sent")) return;
      const { line, bytes } = exchange;
      const facts: Mutable<Facts<"sent">> = {
        line,
        bytes,
        command: exchange.command,
        groupId: exchange.group.id,
      };
      teller.tell("sent", identified(facts, exchange));
    },

    replied(exchange: PendingExchange, reply: Reply, now: number): void {
      if (!teller.wants("reply")) return;
      const { command, group } = exchange;
      const durationMs = now - exchange.sentAt;
      const facts: Mutable<Facts<"reply">> = { reply, durationMs, command, groupId: group.id };
      teller.tell("reply", identified(facts, exchange));
    },

    again: (transaction: Transaction) => teller.again(transaction),

    transactionStart(transaction: Transaction): void {
      if (!teller.wants("messageStart")) return;
      teller.tell("messageStart", { ...describe(transaction), queuedAt: transaction.queuedAt });
    },

    recipientAccepted({ id, seq }: Transaction, { address }: Recipient, reply: Reply): void {
      if (!teller.wants("recipientAccepted")) return;
      teller.tell("recipientAccepted", { messageId: id, messageSeq: seq, address, reply });
    },

    recipientSettled({ id, seq }: Transaction, { status, ...result }: RecipientResult): void {
      const event = EVENT_OF_STATUS[status];
      if (!teller.wants(event)) return;
      teller.tell(event, { messageId: id, messageSeq: seq, ...result } as Facts<typeof event>);
    },

    transactionEnd(transaction: Transaction, now: number): void {
      const settled = outbox.take(transaction);
      if (settled === undefined) return;
      const { id, seq, queuedAt, startedAt = now, bytes } = transaction;
      if (teller.wants("messageEnd")) {
        const { delivery } = settled;
        teller.tell("messageEnd", {
          messageId: id,
          messageSeq: seq,
          delivery,
          accepted: transaction.recipients.filter(({ accepted }) => accepted !== undefined).length,
          durationMs: now - startedAt,
          waitMs: startedAt - queuedAt,
          bytes,
        });
      }
      teller.later(settled.tell);
      if (outbox.drained() && teller.wants("drain")) teller.tell("drain", {});
      if (outbox.awaited) teller.later(() => outbox.wake());
    },

    commandEnd: (command: OrdinaryCommand, outcome: Reply | SmtpError) => teller.commandEnd(command, outcome),

    failed: (error: SmtpError, reason: CloseReason) => teller.ended(reason, error),

    finished: () => teller.ended("quit"),
  };
}

/** Whether anything may be said before the server has said who it is: not where TLS or AUTH come first. */
function mayBeEarly({ pipelining, protocol, tls, auth, xclient }: ResolvedOptions): boolean {
  const first = auth === undefined && xclient === undefined && tls !== "required";
  return first && pipelining === "auto" && protocol === "smtp";
}

/** What a message's events say of it. */
export function describe({ id, seq, from, recipients, text }: Transaction): Facts<"messageQueued"> {
  const { size } = text;
  const facts = { messageId: id, messageSeq: seq, from, recipients: recipients.length };
  return size === undefined ? facts : Object.assign(facts, { size });
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Adds whose command it was. */
function identified<T extends { messageId?: string; messageSeq?: number; recipient?: string }>(
  facts: T,
  { transaction, recipient }: PendingExchange,
): T {
  if (transaction !== undefined) {
    facts.messageId = transaction.id;
    facts.messageSeq = transaction.seq;
  }
  if (recipient !== undefined) facts.recipient = recipient;
  return facts;
}
