import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { BoundedPeerMemory, type Message, SmtpSession } from "smtp-pipelining";
import { expect, onTestFinished, test } from "vitest";

const BLOCK = 65_536;

/** Lets everything happen that happens without the network and without timers. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A peer in memory that takes an envelope, and octets of a text only as they are let through. */
class SlowPeer extends Duplex {
  received = 0;
  #held: (() => void) | undefined;
  #reading = true;
  #inText = false;
  #tail = "";

  constructor() {
    super({ writableHighWaterMark: 4 * BLOCK, decodeStrings: true });
    this.push("220 peer\r\n");
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.received += chunk.length;
    const text = chunk.toString("latin1");
    this.#tail = (this.#tail + text.slice(-5)).slice(-5);
    if (this.#inText) {
      if (this.#tail === "\r\n.\r\n") {
        this.#inText = false;
        this.push("250 queued\r\n");
      }
    } else if (text.startsWith("EHLO")) this.push("250-peer\r\n250 PIPELINING\r\n");
    else if (text.startsWith("QUIT")) this.push("221 bye\r\n");
    else if (text.endsWith("DATA\r\n")) {
      this.push("250 ok\r\n250 ok\r\n354 go\r\n");
      this.#inText = true;
      this.#reading = false;
      this.emit("envelope");
    }
    if (this.#reading || !this.#inText) callback();
    else this.#held = callback;
  }

  override _final(callback: () => void): void {
    this.push(null);
    callback();
  }

  readOn(): void {
    this.#reading = true;
    this.#held?.();
  }
}

function message(data: Message["data"]): Message {
  return { from: "from@example.org", to: "to@example.net", data };
}

test("a source is not pulled while the peer does not read, and goes on when it does", async () => {
  const peer = new SlowPeer();
  const session = new SmtpSession({
    connectSocket: () => peer,
    name: "client.example",
    peers: new BoundedPeerMemory(),
  });
  const blocks = 1_000;
  let pulled = 0;
  async function* text() {
    for (; pulled < blocks; pulled++) yield Buffer.alloc(BLOCK, "x");
  }
  const sent = session.pipeline(message(text()));

  await once(peer, "envelope");
  await quiet();
  const stalledAt = pulled;
  // What the socket buffers (4 blocks), and what waits to be handed to it.
  expect(stalledAt).toBeGreaterThan(0);
  expect(stalledAt).toBeLessThanOrEqual(8);
  await quiet();
  expect(pulled).toBe(stalledAt);

  peer.readOn();
  expect((await sent).ok).toBe(true);
  expect(pulled).toBe(blocks);
  expect(peer.received).toBeGreaterThan(blocks * BLOCK);
  await session.quit();
});

test("over TCP a source is pulled no further than the socket buffers of this machine", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.write("220 peer\r\n");
    socket.on("data", (chunk) => {
      if (chunk.toString("latin1").startsWith("EHLO")) socket.write("250-peer\r\n250 PIPELINING\r\n");
      else {
        socket.pause(); // for good
        socket.write("250 ok\r\n250 ok\r\n354 go\r\n");
      }
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const session = new SmtpSession({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    peers: new BoundedPeerMemory(),
    timeouts: { text: 500 }, // the session gives up when the network takes nothing for so long
  });
  let pulled = 0;
  async function* text() {
    for (; pulled < 16_384; pulled++) yield Buffer.alloc(BLOCK, "x"); // 1 GiB
  }
  const delivery = await session.pipeline(message(text()));

  expect(delivery.failed).toMatchObject([
    { stage: "connection", retryable: true, error: { code: "ESMTP_TIMEOUT" } },
  ]);
  expect(pulled * BLOCK).toBeLessThan(64 * 1_048_576);
});

test.each([
  ["messages", { messages: 8 }, 8],
  ["octets", { bytes: 8 * 1_000 }, 8],
] as const)("deliver() pulls no message beyond the window of %s", async (_, window, most) => {
  const peer = new SlowPeer(); // answers the first envelope, and takes no text
  const session = new SmtpSession({ connectSocket: () => peer, window, peers: new BoundedPeerMemory() });
  let pulled = 0;
  function* source() {
    for (let n = 0; n < 100; n++) {
      pulled++;
      yield message(Buffer.alloc(1_000, "x"));
    }
  }
  const deliveries = session.deliver(source());
  const first = deliveries.next();
  await once(peer, "envelope");
  await quiet();
  expect(pulled).toBe(most);
  expect(session.pending).toBe(most);

  session.destroy();
  expect((await first).done).toBe(false);
  let rest = 1;
  for await (const { ok } of deliveries) rest += ok ? 0 : 1;
  expect(rest).toBe(100);
});

test("deliver() pulls no message beyond the window while nobody takes the deliveries", async () => {
  const peer = new SlowPeer();
  const session = new SmtpSession({
    connectSocket: () => peer,
    window: { messages: 8 },
    peers: new BoundedPeerMemory(),
  });
  session.destroy(); // every message is settled at once
  let pulled = 0;
  function* source() {
    for (let n = 0; n < 100; n++) {
      pulled++;
      yield message("x");
    }
  }
  const deliveries = session.deliver(source());
  await deliveries.next();
  await quiet();
  expect(pulled).toBeLessThanOrEqual(9);
  await deliveries.return();
});
