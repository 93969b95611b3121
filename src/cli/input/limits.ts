// What the reading of messages is bounded by, each with its reason.

/** Octets that a text is begun with: its header section must end there. A list of 20,000 recipients fits. */
export const HEADER_OCTETS: number = 1_048_576;

/** Octets of a line of JSON Lines: it is in memory while it is read, and what becomes of it while it is sent. */
export const LINE_OCTETS: number = 67_108_864;

/** Octets of a `From ` line. RFC 4155 names no bound; an address has 254, a date 30. */
export const FROM_LINE_OCTETS: number = 1_000;

/** Octets of a text that its id is made of: enough to tell it from another, and never a reason to read a file twice. */
export const DIGEST_OCTETS: number = 65_536;

/** Octets of a text up to which it is held in memory, if nothing else is said: as the session's `strictAbove`. */
export const IN_MEMORY_OCTETS: number = 262_144;

/** Octets that are read from a file at a time. */
export const BLOCK_OCTETS: number = 262_144;

/** Files of a directory that are opened before their turn: the disk works while messages are sent. */
export const FILES_AHEAD: number = 8;
