import type { RecordedGroup, RecordedMessage, RecordedSession } from "./facts.ts";
import { sessionName } from "./head.ts";
import { fateClass } from "./message-table.ts";
import type { Recording } from "./recording.ts";

/** What the page's script draws. Times are milliseconds since the session's first event. */
export function pictureData({ kept }: Recording): unknown {
  return [...kept.sessions.values()].map(sessionData);
}

function sessionData(session: RecordedSession): unknown {
  const origin = Math.min(
    session.startedAt ?? Number.POSITIVE_INFINITY,
    ...session.notes.slice(0, 1).map(({ at }) => at),
    ...[...session.groups.values()].slice(0, 1).map(({ startedAt }) => startedAt),
  );
  const since = (time: number): number => Math.round((time - origin) * 1_000) / 1_000;
  return {
    number: session.number,
    name: sessionName(session),
    roundTrip: session.totals.roundTrip ?? 0,
    notes: session.notes.map(({ at, kind, text }) => [since(at), kind, text]),
    groups: [...session.groups.values()].sort((a, b) => a.id - b.id).map((group) => groupData(group, since)),
    settled: [...session.messages.values()].flatMap((message) => settledData(message, since)),
  };
}

function groupData(group: RecordedGroup, since: (time: number) => number): unknown {
  const { id, startedAt, endedAt, seqs, bytesSent, error, exchanges } = group;
  return {
    id,
    start: since(startedAt),
    end: endedAt === undefined ? null : since(endedAt),
    seqs: [...seqs],
    bytes: bytesSent,
    error: error ?? null,
    exchanges: exchanges.map(({ command, line, sentAt, bytes, seq, reply }) => [
      command,
      line,
      sentAt === undefined ? null : since(sentAt),
      bytes,
      seq ?? 0,
      ...(reply === undefined ? [] : [since(reply.at), reply.code, reply.text]),
    ]),
  };
}

/** When a message got its fate, and how: a mark on the client's line. */
function settledData({ seq, id, settled }: RecordedMessage, since: (time: number) => number): unknown[] {
  if (settled === undefined) return [];
  const kinds = new Map<string, number>();
  for (const recipient of settled.recipients) {
    const kind = fateClass(recipient);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [[since(settled.at), seq, id, Object.fromEntries(kinds)]];
}
