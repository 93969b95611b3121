import { hello } from "./scripted-peer.ts";

// Lines of scripts that many conversations with CHUNKING have in common. A number is that of a message(n).
// Each ends with a line end: what stands behind it is a line of its own.

export const HELLO_CHUNKING: string = `${hello("PIPELINING", "CHUNKING")}\n`;

export const envelope = (n: number): string => `
    C: MAIL FROM:<a${n}@example.org>
    C: RCPT TO:<b${n}@example.net>
`;

export const ACCEPTED = `
    S: 250 ok
    S: 250 ok
`;

/** "Text 1" and its line end are 8 octets. */
export const last = (n: number): string => `
    C: BDAT 8 LAST
    C: Text ${n}
    C: RSET
`;

export const QUEUED = `
    S: 250 queued
    S: 250 reset
`;

/** A message whose text waits for the replies to its envelope. */
export const alone = (n: number): string => envelope(n) + ACCEPTED + last(n) + QUEUED;

/** The discard probe for message 1, with its envelope behind it. */
export const PROBE: string = `
    C: RSET
    C: MAIL FROM:<a1@example.org>
    C: BDAT 6 LAST
    C: XPRB
    C: RSET
    ${envelope(1)}
`;

/** What a sound server says to it, to the envelope too. */
export const PROBED: string = `
    S: 250 reset
    S: 250 ok
    S: 503 no recipients
    S: 250 reset
    ${ACCEPTED}
`;

/** All that comes before the first burst: message 1 has been sent. */
export const READY_FOR_BURSTS: string = `
    ${HELLO_CHUNKING}
    ${PROBE}
    ${PROBED}
    ${last(1)}
    ${QUEUED}
`;

/** A message in a burst. */
export const burst = (n: number): string => envelope(n) + last(n);

/** What is said to it when all is well. */
export const TAKEN: string = ACCEPTED + QUEUED;
