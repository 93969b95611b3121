import { createHash } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import { startDistance } from "./distance.ts";
import type { Refusal } from "./patterns.ts";

/** A message that the sink took, as it stands in the log. */
export interface Taken {
  /** When, as an ISO date. */
  readonly time: string;
  /** The client's address. */
  readonly client: string;
  /** The name it said in EHLO. */
  readonly name: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Octets of the text. */
  readonly octets: number;
  /** The SHA-256 of the text, in hexadecimal. */
  readonly sha256: string;
}

/** What a sink is to do. */
export interface SinkOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds that octets are on their way, each way. */
  readonly latency: number;
  readonly refusal: (address: string) => Refusal | undefined;
  /** Told of each message before its sender is; if it rejects, the message is refused for now. */
  readonly taken: (message: Taken) => Promise<void>;
  /** Told of each recipient that is refused. */
  readonly refused: () => void;
}

/** A sink that listens. */
export interface Sink {
  readonly url: string;
  readonly connections: number;
  /** Drops all connections, and takes no more. */
  close(): void;
}

/** Starts a server that takes everything but what it is told to refuse. Rejects if the port can't be had. */
export async function startSink(options: SinkOptions): Promise<Sink> {
  const { host, port, latency, refusal, taken, refused } = options;
  let clientOf = (session: SMTPServerSession): string => session.remoteAddress;
  const smtp = new SMTPServer({
    name: "sink.invalid",
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    hideDSN: false,
    logger: false,
    onRcptTo: ({ address }, _session, callback) => {
      const refusing = refusal(address);
      if (refusing === undefined) return callback();
      refused();
      callback(Object.assign(new Error(refusing.text), { responseCode: refusing.code }));
    },
    onData: (stream, session, callback) => {
      const hash = createHash("sha256");
      let octets = 0;
      stream.on("data", (block: Buffer) => {
        hash.update(block);
        octets += block.length;
      });
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const message: Taken = {
          time: new Date().toISOString(),
          client: clientOf(session),
          name: session.hostNameAppearsAs || "",
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          octets,
          sha256: hash.digest("hex"),
        };
        taken(message).then(
          () => callback(null, "Taken, and thrown away"),
          () => callback(Object.assign(new Error("The log can't be written"), { responseCode: 451 })),
        );
      });
    },
  });
  // What goes wrong with a connection concerns its client.
  smtp.on("error", () => undefined);
  if (latency === 0) {
    const address = await listening(smtp.server, host, port);
    return {
      url: urlOf(address),
      get connections() {
        return smtp.connections.size;
      },
      close: () => close(smtp),
    };
  }
  const inner = await listening(smtp.server, "127.0.0.1", 0);
  const distance = startDistance(inner, latency);
  clientOf = ({ remotePort }) => distance.clientOf(remotePort) ?? "";
  try {
    const address = await listening(distance.server, host, port);
    return {
      url: urlOf(address),
      get connections() {
        return smtp.connections.size;
      },
      close: () => {
        distance.close();
        close(smtp);
      },
    };
  } catch (error) {
    close(smtp);
    throw error;
  }
}

async function listening(server: Server, host: string, port: number): Promise<AddressInfo> {
  server.listen(port, host);
  await once(server, "listening"); // rejects with its error
  return server.address() as AddressInfo;
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `smtp://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function close(smtp: SMTPServer): void {
  smtp.server.close();
  for (const connection of smtp.connections) connection.close();
}
