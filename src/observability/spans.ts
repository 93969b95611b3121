/** A span, as its trace context names it. */
export interface SpanName {
  readonly traceId: string;
  readonly spanId: string;
}

const NO_MESSAGE = -1;

/**
 * The sampled spans of messages that are under way, by session and number of the message. Tracing writes them, metrics
 * read them as exemplars: neither needs to know of the other, nor which of the two was attached first.
 */
const spans = new Map<string, Map<number, SpanName>>();

export function spanOfMessage(sessionId: string, messageSeq: number = NO_MESSAGE): SpanName | undefined {
  return spans.get(sessionId)?.get(messageSeq);
}

export function rememberSpan(sessionId: string, messageSeq: number, { traceId, spanId }: SpanName): void {
  const ofSession = spans.get(sessionId) ?? new Map<number, SpanName>();
  spans.set(sessionId, ofSession.set(messageSeq, { traceId, spanId }));
}

export function forgetSpan(sessionId: string, messageSeq: number): void {
  spans.get(sessionId)?.delete(messageSeq);
}

export function forgetSpans(sessionId: string): void {
  spans.delete(sessionId);
}
