// What is measured: names for the command line, titles for people.

/** The library, and how it sends texts. */
export const LIBRARY = {
  data: "smtp-pipelining, DATA",
  strict: "smtp-pipelining, CHUNKING strict",
  bursts: "smtp-pipelining, CHUNKING bursts",
} as const;

/** Other clients. */
export const PEERS = {
  nodemailer: "nodemailer, 1 connection",
  "nodemailer-10": "nodemailer, 10 connections",
  "smtp-client": "smtp-client",
  "smtp-source": "Postfix's smtp-source",
} as const;

/** Pools: the library's, and the other client's that has one. */
export const POOLS = {
  "pool-data-1": "SmtpPool, DATA, 1 connection",
  "pool-data-4": "SmtpPool, DATA, 4 connections",
  "pool-bursts-1": "SmtpPool, CHUNKING bursts, 1 connection",
  "pool-bursts-4": "SmtpPool, CHUNKING bursts, 4 connections",
  "nodemailer-4": "nodemailer, 4 connections",
} as const;

/** Workers of a queue in Redis, each with a pool of one connection with CHUNKING bursts. */
export const QUEUES = {
  "worker-1": "SmtpWorker, 1 worker",
  "worker-2": "SmtpWorker, 2 workers",
  "worker-1-refs": "SmtpWorker, 1 worker, texts by reference",
  "worker-2-refs": "SmtpWorker, 2 workers, texts by reference",
} as const;

/** The library with something that watches it. */
export const WATCHED = {
  "data-events": "DATA, every event",
  "data-metrics": "DATA, metrics",
  "data-tracing": "DATA, metrics and tracing",
  "bursts-events": "CHUNKING bursts, every event",
  "bursts-metrics": "CHUNKING bursts, metrics",
  "bursts-tracing": "CHUNKING bursts, metrics and tracing",
} as const;

/** The library's pool with a journal: texts of the caller's own, or texts that the journal keeps, too. */
export const JOURNALED = {
  "data-journal": "DATA, journal",
  "data-outbox": "DATA, journal that keeps the texts",
  "bursts-journal": "CHUNKING bursts, journal",
  "bursts-outbox": "CHUNKING bursts, journal that keeps the texts",
} as const;

export type VariantName =
  | keyof typeof LIBRARY
  | keyof typeof PEERS
  | keyof typeof POOLS
  | keyof typeof QUEUES
  | keyof typeof WATCHED
  | keyof typeof JOURNALED;

export const TITLES: Readonly<Record<VariantName, string>> = {
  ...LIBRARY,
  ...PEERS,
  ...POOLS,
  ...QUEUES,
  ...WATCHED,
  ...JOURNALED,
};

export const VARIANTS: readonly VariantName[] = Object.keys(TITLES) as VariantName[];
