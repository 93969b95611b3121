import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "../client/work.ts";
import { answers } from "../process.ts";

// What the sink and the proxy can do: octets made before are written to them, so that this client costs next to nothing.

/** What this process can be asked. Each resolves with milliseconds. */
export interface LimitsQuestions {
  /** Sends so many messages and waits for nothing but the end. */
  push(port: number, messages: number, octets: number, verb: "DATA" | "BDAT"): Promise<number>;
  /** Sends so many messages, one round trip each. */
  oneAtATime(port: number, messages: number, octets: number): Promise<number>;
  /** What a round trip takes: the mean of so many. */
  roundTrip(port: number, count: number): Promise<number>;
}

const ENVELOPE = "RSET\r\nMAIL FROM:<from@example.org>\r\nRCPT TO:<to@example.net>\r\n";

/** Messages in one buffer, so that a write is worth its while. */
const BATCH = 50;

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "data");
  socket.write("EHLO bench.example\r\n");
  await once(socket, "data");
  return socket;
}

/** The next replies: as many lines as told. */
async function lines(socket: Socket, count: number): Promise<void> {
  let left = count;
  await new Promise<void>((resolve) => {
    const read = (octets: Buffer): void => {
      for (let at = octets.indexOf(10); at !== -1; at = octets.indexOf(10, at + 1)) left--;
      if (left > 0) return;
      socket.off("data", read);
      resolve();
    };
    socket.on("data", read);
  });
}

answers<LimitsQuestions>({
  push: async (port, messages, octets, verb) => {
    const body = text(octets);
    const end = verb === "DATA" ? ".\r\n" : "";
    const command = verb === "DATA" ? "DATA\r\n" : `BDAT ${octets} LAST\r\n`;
    const one = Buffer.concat([Buffer.from(ENVELOPE + command), body, Buffer.from(end)]);
    const batch = Buffer.concat(Array.from({ length: Math.min(BATCH, messages) }, () => one));
    const socket = await open(port);
    const start = performance.now();
    const closed = once(socket, "close");
    socket.resume();
    for (let sent = 0; sent < messages; sent += BATCH) {
      if (!socket.write(batch)) await once(socket, "drain");
    }
    socket.end("QUIT\r\n");
    await closed;
    return performance.now() - start;
  },
  oneAtATime: async (port, messages, octets) => {
    const envelope = Buffer.from(`${ENVELOPE}DATA\r\n`);
    const group = Buffer.concat([text(octets), Buffer.from(".\r\n"), envelope]);
    const socket = await open(port);
    const start = performance.now();
    socket.write(envelope);
    await lines(socket, 4);
    for (let i = 0; i < messages; i++) {
      socket.write(group);
      await lines(socket, 5);
    }
    const milliseconds = performance.now() - start;
    socket.destroy();
    return milliseconds;
  },
  roundTrip: async (port, count) => {
    const socket = await open(port);
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      socket.write("NOOP\r\n");
      await lines(socket, 1);
    }
    const milliseconds = performance.now() - start;
    socket.destroy();
    return milliseconds / count;
  },
});
