import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A stretch of wire: what goes in comes out later, in order. */
function delayLine(delay: number): (out: () => void) => void {
  const line: { readonly due: number; readonly out: () => void }[] = [];
  const wait = (ms: number): void => {
    setTimeout(() => {
      for (let head = line[0]; head !== undefined && head.due <= performance.now(); head = line[0]) {
        line.shift();
        head.out();
      }
      const [next] = line;
      if (next !== undefined) wait(Math.max(0, next.due - performance.now()));
    }, ms);
  };
  return (out) => {
    line.push({ due: performance.now() + delay, out });
    if (line.length === 1) wait(delay);
  };
}

function relay(from: Socket, to: Socket, delay: number): void {
  const later = delayLine(delay);
  from.on("data", (octets) => {
    later(() => {
      // No more than the other side takes: a wire holds no arbitrary amount.
      if (!to.destroyed && !to.write(octets)) from.pause();
    });
  });
  to.on("drain", () => from.resume());
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => later(() => to.destroy()));
}

/** A server at a distance. */
export interface DistantServer {
  readonly server: Server;
  /** The address of the client whose connection comes from this port of ours. */
  clientOf(port: number): string | undefined;
  /** Drops all connections, and takes no more. */
  close(): void;
}

/** Puts a server behind a wire that takes time. @param oneWay milliseconds in each direction */
export function startDistance(target: AddressInfo, oneWay: number): DistantServer {
  const sockets = new Set<Socket>();
  const clients = new Map<number, string>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: target.address, port: target.port, allowHalfOpen: true, noDelay: true });
    far.on("connect", () => {
      const { localPort } = far;
      if (localPort === undefined) return;
      clients.set(localPort, near.remoteAddress ?? "");
      far.on("close", () => clients.delete(localPort));
    });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    relay(near, far, oneWay);
    relay(far, near, oneWay);
  });
  return {
    server,
    clientOf: (port) => clients.get(port),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
