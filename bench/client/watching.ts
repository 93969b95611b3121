import * as prometheus from "prom-client";
import type { SessionEventName, SmtpSession } from "smtp-pipelining";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachTracing } from "smtp-pipelining/tracing";

// What may watch a session.

const EVENTS: Readonly<Record<SessionEventName, true>> = {
  connecting: true,
  connect: true,
  ready: true,
  messageQueued: true,
  messageStart: true,
  sent: true,
  reply: true,
  recipientAccepted: true,
  recipientSucceeded: true,
  recipientFailed: true,
  recipientUnknown: true,
  messageEnd: true,
  groupStart: true,
  groupEnd: true,
  drain: true,
  warning: true,
  error: true,
  close: true,
};

let heard = 0;

/** Listens to every event, and counts them. */
export function everyEvent(session: SmtpSession): void {
  for (const event of Object.keys(EVENTS) as SessionEventName[]) {
    session.on(event, () => {
      heard++;
    });
  }
}

/** How many events were heard in this process. */
export function eventsHeard(): number {
  return heard;
}

export function metrics(session: SmtpSession): void {
  attachMetrics(session, { prometheus });
}

/** Tracing without an SDK: nobody keeps the spans. */
export function metricsAndTracing(session: SmtpSession): void {
  attachMetrics(session, { prometheus });
  attachTracing(session);
}
