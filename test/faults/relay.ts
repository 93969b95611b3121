import { type AddressInfo, connect, createServer, type Server } from "node:net";
import type { Offsets } from "./cases.ts";

/** Passes one connection on, and keeps what passes: to see where the records of TLS end. */
export class Relay {
  readonly #server: Server;
  readonly #received: Buffer[] = [];
  readonly #sent: Buffer[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server);
    server.on("connection", (client) => {
      const upstream = connect(port, "127.0.0.1");
      client.on("data", (octets: Buffer) => relay.#received.push(octets)).pipe(upstream);
      upstream.on("data", (octets: Buffer) => relay.#sent.push(octets)).pipe(client);
      client.on("error", () => upstream.destroy());
      upstream.on("error", () => client.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }

  /** Behind the first octet, in the midst, before the last and at the end of each line and of each record. */
  get offsets(): Offsets {
    const offsets = (octets: Buffer): number[] => {
      let start = 0;
      const found = ends(octets).flatMap((end) => {
        const within = [start + 1, (start + end) >> 1, end - 1, end];
        start = end;
        return within;
      });
      return [...new Set(found)];
    };
    return { received: offsets(Buffer.concat(this.#received)), sent: offsets(Buffer.concat(this.#sent)) };
  }
}

/** Where lines end, and behind them the records of TLS: a type, a version, a length of two octets (RFC 8446 §5.1). */
function ends(octets: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < octets.length; found.push(at)) {
    const isRecord = (octets[at] ?? 0) >= 20 && (octets[at] ?? 0) <= 23 && octets[at + 1] === 3;
    at = isRecord ? at + 5 + octets.readUInt16BE(at + 3) : octets.indexOf(10, at) + 1 || octets.length;
  }
  return found;
}
