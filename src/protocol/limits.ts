// Every limit and deadline of the package, each with its reason. Times are milliseconds.

/** Deadlines in milliseconds, one per phase. All are options; the defaults are those of RFC 5321 §4.5.3.2. */
export interface Timeouts {
  /** Until the connection stands. Default 30 s: three times the usual retransmissions of a SYN. */
  connect: number;
  /** Until TLS stands, from STARTTLS's 220 or from the connection. Default 30 s: a few round trips, and arithmetic. */
  tls: number;
  /** For the greeting. Default 5 min (§4.5.3.2.1). */
  greeting: number;
  /** For EHLO, HELO, RSET, NOOP, VRFY and all other commands without a deadline of their own. Default 5 min. */
  command: number;
  /** For MAIL. Default 5 min (§4.5.3.2.2). */
  mail: number;
  /** For RCPT. Default 5 min (§4.5.3.2.3). */
  rcpt: number;
  /** For the 354 that answers DATA. Default 2 min (§4.5.3.2.4). */
  data: number;
  /** Between two blocks of text, from the source and to the network. Default 3 min (§4.5.3.2.5). */
  text: number;
  /** For the answer to the end of the text, from when its last octet was flushed. Default 10 min (§4.5.3.2.6). */
  message: number;
  /** Silence after an answered text with a follow-on behind it, until the server is asked for a marker. Default 2 s. */
  followOn: number;
  /** Silence of a server that is asked whether it swallows the octets of a BDAT that it refuses. Default 5 s. */
  probe: number;
  /** How long a server that announced its end may take to close, and a QUIT may take. Default 5 s. */
  closing: number;
}

export const TIMEOUTS: Readonly<Timeouts> = {
  connect: 30_000,
  tls: 30_000,
  greeting: 300_000,
  command: 300_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  text: 180_000,
  message: 600_000,
  followOn: 2_000,
  probe: 5_000,
  closing: 5_000,
};

/** Bounds on what is read and grouped. All are options. */
export interface Limits {
  /** Octets of a reply line with its line end. Default 4,096: RFC 5321 §4.5.3.1.5 says 512, servers exceed it. */
  replyLine: number;
  /** Lines of a reply. Default 256: more than any EHLO or HELP reply seen. */
  replyLines: number;
  /** Commands in one group before another begins. Default 1,000: a group is one span and one event. */
  groupCommands: number;
  /**
   * Octets of text from which a message in a burst waits for its RCPT replies, so that it is not sent for nobody.
   * Default 256 KiB: less costs little more than the round trip that it saves.
   */
  strictAbove: number;
}

export const LIMITS: Readonly<Limits> = {
  replyLine: 4_096,
  replyLines: 256,
  groupCommands: 1_000,
  strictAbove: 262_144,
};

/** What may be queued or unacknowledged before `ready()` waits and `deliver()` stops pulling. */
export interface Window {
  /** Messages whose fate is open. Default 1,024: with CHUNKING so many of 4 KB are 80 MB/s over 50 ms. */
  messages: number;
  /** Octets of text held in memory for them. Default 16 MiB. A larger text goes alone. */
  bytes: number;
}

export const WINDOW: Readonly<Window> = { messages: 1_024, bytes: 16 * 1_048_576 };

/** RFC 5321 §4.5.3.1: octets of a local-part, a domain, a path (with its angle brackets). */
export const LOCAL_PART_OCTETS = 64;
export const DOMAIN_OCTETS = 255;
export const PATH_OCTETS = 256;

/** RFC 3461 §4.4 and §4.2: characters of an envelope identifier and of an original recipient, as they are sent. */
export const ENVID_OCTETS = 100;
export const ORCPT_OCTETS = 500;

/**
 * Iterations that SCRAM does at a server's word: at least what RFC 7677 §4 asks for, since fewer would make the proof
 * cheap to guess from; at most some seconds' work.
 */
export const SCRAM_ITERATIONS_LEAST = 4_096;
export const SCRAM_ITERATIONS_MOST = 10_000_000;

/** The greatest integer in BY and HOLDFOR: nine digits, RFC 2852 §4 and RFC 4865 §3. */
export const PARAMETER_INTEGER = 999_999_999;

/** RFC 6710 §4: the priorities of messages, from the least urgent to the most. */
export const LEAST_PRIORITY: number = -9;
export const GREATEST_PRIORITY = 9;

/** RFC 5321 §4.5.3.1.4: octets of a command line with its CRLF, where no extension says otherwise. */
export const COMMAND_LINE_OCTETS = 512;

/**
 * Octets of an envelope that may stand behind a "." to a server that has not proved itself: Haraka drops the connection
 * if more than 8,192 octets do, and then the fate of the text before is unknown.
 */
export const UNPROVEN_FOLLOW_ON_OCTETS = 4_096;

/** How much of one message's text is handed to the socket at a time: large enough for few system calls. */
export const TEXT_BLOCK_OCTETS = 65_536;

/** What the default memory of peers holds: bounded in entries and in age, as a peer may be mended. */
export const PEER_ENTRIES = 10_000;
export const PEER_AGE: number = 24 * 3_600_000;

/** How many hosts' TLS sessions are kept to be resumed: some kilobytes each. */
export const TLS_SESSIONS = 1_000;

/** How much of a stream goes in one BDAT: few commands, and little is held. */
export const CHUNK_OCTETS = 131_072;

/** How many messages the first burst has in flight: if they are refused, or the connection is cut, few are concerned. */
export const FIRST_BURST = 128;

/** With every so many messages that succeed the room for bursts doubles. */
export const BURST_STEP = 32;

/** However many are refused: so many a round trip are still sent. */
export const LEAST_BURST = 16;

/** So few have to wait that a burst is not worth its probe. */
export const WORTH_A_BURST = 3;

/**
 * How many messages a pool gives a connection that can't send in bursts: one whose text is under way, the one whose
 * envelope goes with it, and enough behind them that a burst looks worth its probe. The rest waits where any can have it.
 */
export const POOL_DEPTH = 8;

/**
 * How many messages a journal is told of that they are begun, before their turn, at least and at most: so many share a
 * write to the disk, and so many more than those on the wire are unknown after a crash.
 */
export const JOURNAL_AHEAD_LEAST = 2;
export const JOURNAL_AHEAD = 64;

/** How long a pool waits for the answer to NOOP of a connection that was idle: it may be gone, and another is at hand. */
export const POOL_PROBE = 5_000;

/** Ports: RFC 5321 §2.3.5 (relay). */
export const SMTP_PORT = 25;

/** Where mail is submitted, with AUTH: RFC 6409. */
export const SUBMISSION_PORT = 587;

/** LMTP over TCP: private, as RFC 2033 §5 wants it off port 25, and what servers and clients use. */
export const LMTP_PORT = 24;

/** Where TLS is spoken from the first octet, RFC 8314 §7.3. */
export const SMTPS_PORT = 465;
