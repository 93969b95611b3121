import { EventEmitter } from "eventemitter3";
import type { Delivery, Reply, SessionEvents } from "smtp-pipelining";
import type { ObservationTarget } from "smtp-pipelining/recorder";

/** A target of several sessions, and what happens in them: each call emits what a session would. */
export interface EventPool {
  readonly target: EventEmitter<SessionEvents> & ObservationTarget;
  open(id: string): void;
  close(id: string): void;
  /** A group of so many NOOPs, all answered, 5 ms each. */
  group(id: string, groupId: number, commands: number): void;
  message(id: string, messageSeq: number, to: readonly string[], settled?: boolean): void;
}

/** Passes on the events of several sessions, as a pool does. */
export function pool(): EventPool {
  const target = Object.assign(new EventEmitter<SessionEvents>(), { sessions: [] });
  let time = 1_700_000_000_000;
  const at = (sessionId: string) => ({ sessionId, time: ++time });
  const reply: Reply = { code: 250, lines: ["ok"], text: "ok" };
  return {
    target,
    open: (id: string) => target.emit("connecting", { ...at(id), host: `${id}.example`, port: 25 }),
    close: (id: string) => target.emit("close", { ...at(id), reason: "quit" }),
    group(id: string, groupId: number, commands: number): void {
      const { time: startedAt } = at(id);
      const lines = Array.from({ length: commands }, (_, i) => `NOOP ${groupId}.${i}`);
      target.emit("groupStart", { ...at(id), groupId });
      for (const line of lines) target.emit("sent", { ...at(id), line, command: "NOOP", groupId, bytes: 10 });
      for (const _ of lines)
        target.emit("reply", { ...at(id), reply, command: "NOOP", groupId, durationMs: 5 });
      const exchanges = lines.map((line) => ({ command: "NOOP", line, reply }));
      target.emit("groupEnd", {
        ...at(id),
        group: {
          ...{ id: groupId, exchanges, startedAt, durationMs: 3, bytesSent: commands * 10, bytesReceived: 7 },
          ...{
            sent: lines,
            codes: lines.map(() => 250),
            messages: lines.map(() => "ok"),
            messageSeqs: [],
            errors: [],
          },
          recipients: { accepted: [], succeeded: [], failed: [], unknown: [] },
        },
      });
    },
    message(id: string, messageSeq: number, to: readonly string[], settled = true): void {
      const facts = { messageId: `m${messageSeq}`, messageSeq };
      const queued = { ...facts, from: "a@example.org", recipients: to.length };
      target.emit("messageQueued", { ...at(id), ...queued });
      target.emit("messageStart", { ...at(id), ...queued, queuedAt: time });
      if (!settled) return;
      const succeeded = to.map((address) => ({
        ...({ address, status: "succeeded", stage: "message", reply } as const),
      }));
      const delivery: Delivery = {
        ...{ id: facts.messageId, ok: true, from: "a@example.org" },
        ...{ recipients: succeeded, succeeded, failed: [], unknown: [] },
      };
      const numbers = { accepted: to.length, durationMs: 1, waitMs: 1, bytes: 100 };
      target.emit("messageEnd", { ...at(id), ...facts, delivery, ...numbers });
    },
  };
}
