import type { Socket } from "node:net";
import { BoundedPeerMemory, type SessionOptions, SmtpSession } from "smtp-pipelining";
import { onTestFinished } from "vitest";
import {
  type Arrival,
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from "../../examples/deliver/embedded-server.ts";

export interface TestServerOptions extends Omit<EmbeddedServerOptions, "arrived"> {
  /** Whether to keep what arrives, and all octets that come in. Default true. */
  readonly record?: boolean;
}

export interface TestServer {
  readonly host: string;
  readonly port: number;
  /** Messages that were accepted, in order. */
  readonly arrivals: readonly Arrival[];
  /** All octets that came in on all connections, one character each. */
  received(): string;
  /** Command lines that came in, texts included. */
  lines(): string[];
  /** A session to this server, with a memory of peers of its own. */
  session(options?: SessionOptions): SmtpSession;
}

/** Longer than anything takes on a slow machine: what is still open then stays open. */
const PATIENCE = 5_000;

/** A server for one test. At the test's end every connection must have been closed by the test. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { record = true, ...rest } = options;
  const arrivals: Arrival[] = [];
  const octets: Buffer[] = [];
  const server = await startEmbeddedServer({
    ...rest,
    arrived: (arrival) => {
      if (record) arrivals.push(arrival);
    },
  });
  server.smtp.server.prependListener("connection", (socket: Socket) => {
    if (record) socket.on("data", (block: Buffer) => octets.push(block));
  });
  onTestFinished(() => closeAll(server));

  const { host, port } = server;
  const received = (): string => Buffer.concat(octets).toString("latin1");
  return {
    host,
    port,
    arrivals,
    received,
    lines: () => received().split("\r\n").slice(0, -1),
    session: (more = {}) =>
      new SmtpSession({ host, port, name: "client.example", peers: new BoundedPeerMemory(), ...more }),
  };
}

async function closeAll(server: EmbeddedServer): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const open = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${server.smtp.connections.size} connections were left open`));
      for (const { _socket } of server.smtp.connections as Set<{ _socket: Socket }>) _socket.destroy();
    }, PATIENCE);
  });
  await Promise.race([server.close(), open]).finally(() => clearTimeout(timer));
}

/** Everything that an async iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
