import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Where ports are looked for: below those that the kernel gives to `listen(0)` and to outgoing connections (from 32768
 * on Linux). So nobody but another look here can take a port between the look and the server's start.
 */
const FIRST = 15_000;
const LAST = 32_000;

/** Ports given by this process: a server may not have bound its own yet. */
const given = new Set<number>();

/** A TCP port of 127.0.0.1 that is free, for a server that must be told its port. */
export async function freePort(): Promise<number> {
  for (let look = 0; look < 100; look++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port from ${FIRST} to ${LAST}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
