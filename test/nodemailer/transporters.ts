import nodemailer, { type Transporter } from "nodemailer";
import { BoundedPeerMemory } from "smtp-pipelining";
import { type PipeliningTransportOptions, pipeliningTransport } from "smtp-pipelining/nodemailer";

/** Nodemailer's SMTP transport, the same with `pool: true`, and ours. */
export type Kind = "smtp" | "pool" | "ours";

/** Options as they are written for nodemailer. */
export type CommonOptions = Omit<PipeliningTransportOptions, "auth" | "tls" | "logger"> & {
  auth?: { user: string; pass: string };
  tls?: { ca?: string; servername?: string; rejectUnauthorized?: boolean };
};

/** What one changes: the one line. */
export function createTransporter(kind: Kind, options: CommonOptions): Transporter {
  // What one test learnt of a port is nothing to the next.
  const peers = new BoundedPeerMemory();
  if (kind === "ours") return nodemailer.createTransport(pipeliningTransport({ peers, ...options }));
  const theirs = { ...options, pool: kind === "pool" };
  return nodemailer.createTransport(theirs as Parameters<typeof nodemailer.createTransport>[0]);
}
