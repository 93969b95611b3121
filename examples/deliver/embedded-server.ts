import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** How a recipient is refused. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
}

/** A message that the server accepted. */
export interface Arrival {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly text: Buffer;
}

export interface EmbeddedServerOptions {
  /** Called for each RCPT. Default: all are welcome. */
  readonly refusal?: (address: string) => Refusal | undefined;
  /** Called for each message that was accepted, before its sender hears of it. */
  readonly arrived?: (arrival: Arrival) => void;
  /** Options of smtp-server. */
  readonly smtp?: SMTPServerOptions;
}

export interface EmbeddedServer {
  readonly host: string;
  readonly port: number;
  readonly smtp: SMTPServer;
  /** Takes no new connections; fulfils when the last one has ended. */
  close(): Promise<void>;
}

/** An SMTP server of our own on a free port of this machine. */
export async function startEmbeddedServer({
  refusal = () => undefined,
  arrived = () => undefined,
  smtp,
}: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const server = new SMTPServer({
    name: "mx.example.net",
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    logger: false,
    onRcptTo: ({ address }, _session, callback) => callback(refusalError(refusal(address))),
    onData: (stream, session, callback) => {
      const blocks: Buffer[] = [];
      stream.on("data", (block: Buffer) => blocks.push(block));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? "" : mailFrom.address;
        arrived({ from, recipients: rcptTo.map(({ address }) => address), text: Buffer.concat(blocks) });
        callback();
      });
    },
    ...smtp,
  });
  // What goes wrong with a connection, the session sees too.
  server.on("error", () => undefined);
  const host = "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.server.address() as AddressInfo;
  return {
    host,
    port,
    smtp: server,
    close: () => new Promise((resolve) => server.server.close(() => resolve())),
  };
}

function refusalError(refusal: Refusal | undefined): Error | undefined {
  if (refusal === undefined) return undefined;
  return Object.assign(new Error(refusal.text), { responseCode: refusal.code });
}
