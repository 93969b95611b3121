import { type AddressInfo, connect, createServer } from "node:net";
import { carry } from "./lane.ts";
import { RoundTrips } from "./round-trips.ts";

/** What passed a proxy: the most of its connections. */
export interface Passed {
  readonly connections: number;
  /** How often a client sent after it had been told something new; QUIT does not count. */
  readonly roundTrips: number;
  /** How many of them had to follow one another. */
  readonly inSequence: number;
}

/**
 * Opens a port on 127.0.0.1 that leads to another, as far away as told.
 * @param roundTrip in milliseconds; each direction takes half of it
 */
export async function openProxy(
  target: number,
  roundTrip: number,
): Promise<{ readonly port: number; close(): Passed }> {
  const connections: RoundTrips[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const trips = new RoundTrips();
    connections.push(trips);
    const far = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    client.setNoDelay(true);
    far.setNoDelay(true);
    carry(client, far, roundTrip / 2, {
      entered: (octets) => trips.fromClient(octets),
      left: (mark) => trips.deliveredToServer(mark),
    });
    carry(far, client, roundTrip / 2, {
      entered: () => trips.fromServer(),
      left: (mark) => trips.deliveredToClient(mark),
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      return {
        connections: connections.length,
        roundTrips: Math.max(0, ...connections.map(({ count }) => count)),
        inSequence: Math.max(0, ...connections.map(({ inSequence }) => inSequence)),
      };
    },
  };
}
