import { once } from "node:events";
import { Socket } from "node:net";
import {
  BoundedPeerMemory,
  type Delivery,
  type Message,
  type SessionOptions,
  SmtpSession,
} from "smtp-pipelining";
import { expect, onTestFinished, test } from "vitest";
import { BurstPeer } from "../support/burst-peer.ts";

// A peer that stops reading in the middle of a burst: what is pulled from a source, what is written and not answered,
// and what the socket holds, stay within the window, and all is delivered once it reads on.

const KIB = 1_024;
const MIB = 1_048_576;
/** What may be composed into one write: a batch, the text that fills it, and the lines around them. */
const ONE_WRITE = 4 * 65_536;
/** Envelopes and lines of BDAT and RSET: octets a message. */
const LINES = 200;

const TEXT_OCTETS = 60_000;
const TEXT = Buffer.alloc(TEXT_OCTETS, `${"x".repeat(58)}\r\n`);

function message(n: number, data: Message["data"] = TEXT): Message {
  return { id: `m${n}`, from: `a${n}@example.org`, to: `b${n}@example.net`, data };
}

interface Connected {
  readonly peer: BurstPeer;
  readonly session: SmtpSession;
  readonly socket: Socket;
}

/** A session that has shown that its peer bears bursts. */
async function connect(options: Partial<SessionOptions>): Promise<Connected> {
  const peer = await BurstPeer.start();
  const socket = new Socket({ allowHalfOpen: true });
  const session = new SmtpSession({
    connectSocket: async () => {
      socket.connect(peer.port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    },
    peers: new BoundedPeerMemory(),
    ...options,
  });
  onTestFinished(() => session.destroy());
  const deliveries = await Promise.all([0, 1, 2].map((n) => session.pipeline(message(n, "first\r\n"))));
  expect(deliveries.every(({ ok }) => ok)).toBe(true);
  expect(peer.heard["DATA"]).toBeUndefined();
  return { peer, session, socket };
}

/** Waits until nothing moves any more although there is more to be written: returns what the socket holds. */
async function stalled(socket: Socket, moved: () => number): Promise<number> {
  for (let before = -1, same = 0; same < 200; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const state = moved() + socket.bytesWritten;
    same = state === before ? same + 1 : 0;
    before = state;
  }
  return socket.writableLength;
}

test.each([
  ["messages", { messages: 400, bytes: 1_000 * MIB }, 400],
  ["octets", { messages: 100_000, bytes: 20 * MIB }, Math.ceil((20 * MIB) / TEXT_OCTETS)],
] as const)("deliver() of an endless source: the window of %s", async (_, window, most) => {
  const { peer, session, socket } = await connect({ window });
  let pulled = 0;
  let ends = false;
  function* endless(): Generator<Message> {
    while (!ends && session.state !== "closed") yield message(3 + pulled++);
  }
  let yielded = 0;
  let mostPulled = 0;
  let mostPending = 0;
  let mostHeld = 0;
  const succeeded: string[] = [];
  const delivering = (async () => {
    for await (const { succeeded: each } of session.deliver(endless())) {
      mostPulled = Math.max(mostPulled, pulled - yielded);
      mostPending = Math.max(mostPending, session.pending);
      mostHeld = Math.max(mostHeld, socket.writableLength);
      yielded++;
      succeeded.push(...each.map(({ address }) => address));
    }
  })();

  for (const burst of [1, 2]) {
    await peer.when(() => peer.texts > 500 * burst);
    peer.stopReading();
    const held = await stalled(socket, () => pulled);
    expect(socket.writableNeedDrain, "the network takes no more").toBe(true);
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThanOrEqual(socket.writableHighWaterMark + ONE_WRITE);
    expect(session.pending).toBeLessThanOrEqual(most);
    expect(socket.bytesWritten - peer.octetsHeard).toBeLessThanOrEqual(most * (TEXT_OCTETS + LINES));
    peer.readOn();
  }
  ends = true;
  await delivering;
  // Deliveries that wait to be taken count as messages, and hold no text.
  expect(mostPulled).toBeLessThanOrEqual(window.messages);
  expect(mostPending).toBeLessThanOrEqual(most);
  expect(mostHeld).toBeLessThanOrEqual(socket.writableHighWaterMark + ONE_WRITE);
  expect(succeeded.length).toBe(pulled);
  expect(pulled).toBeGreaterThan(1_000);
  expect(peer.delivered.length).toBe(3 + pulled);
  await session.quit();
});

test("pipeline() of 1,500 messages at once: no more is written than the window, the socket holds little", async () => {
  const window = { bytes: 24 * MIB };
  const { peer, session, socket } = await connect({ window });
  let delivered = 0;
  const sent = Promise.all(
    Array.from({ length: 1_500 }, async (_, n) => {
      const delivery = await session.pipeline(message(3 + n));
      delivered++;
      return delivery;
    }),
  );
  await peer.when(() => peer.texts > 300);
  peer.stopReading();
  const held = await stalled(socket, () => delivered);
  expect(socket.writableNeedDrain).toBe(true);
  expect(held).toBeLessThanOrEqual(socket.writableHighWaterMark + ONE_WRITE);
  // What was written of texts that are not answered.
  const messages = Math.floor(window.bytes / TEXT_OCTETS);
  expect(socket.bytesWritten - peer.octetsHeard).toBeLessThanOrEqual(messages * (TEXT_OCTETS + LINES));
  expect(session.pending).toBe(1_500 - delivered);
  peer.readOn();
  expectAll(await sent, peer);
  await session.quit();
});

test("a stream of 256 MiB among the messages of a burst is pulled no faster than the peer reads", async () => {
  const { peer, session, socket } = await connect({});
  const blocks = 256 * 16;
  let pulled = 0;
  async function* stream(): AsyncGenerator<Buffer> {
    for (; pulled < blocks; pulled++) yield Buffer.alloc(64 * KIB, `${"y".repeat(62)}\r\n`);
  }
  const sent = Promise.all(
    Array.from({ length: 41 }, (_, n) => session.pipeline(message(3 + n, n === 20 ? stream() : TEXT))),
  );
  // 3 messages, the probe, and 20 of the burst: then the chunks of the stream.
  await peer.when(() => (peer.heard["BDAT"] ?? 0) > 24 + 100);
  const heard = peer.octetsHeard;
  peer.stopReading();
  const held = await stalled(socket, () => pulled);
  expect(socket.writableNeedDrain).toBe(true);
  // A chunk of 128 KiB leaves whole: with its last block.
  expect(held).toBeLessThanOrEqual(socket.writableHighWaterMark + 128 * KIB + ONE_WRITE);
  const beyond = pulled * 64 * KIB - (socket.bytesWritten - 24 * TEXT_OCTETS);
  expect(beyond, "octets pulled and not handed to the socket").toBeLessThanOrEqual(128 * KIB + ONE_WRITE);
  expect(peer.octetsHeard).toBe(heard);
  expect(pulled).toBeLessThan(blocks);
  peer.readOn();
  expectAll(await sent, peer);
  expect(pulled).toBe(blocks);
  await session.quit();
});

/** The messages of numbers from 3 on, each to its recipient once, in order. */
function expectAll(deliveries: readonly Delivery[], peer: BurstPeer): void {
  expect(deliveries.filter(({ ok }) => !ok)).toEqual([]);
  expect(peer.delivered.slice(3)).toEqual(deliveries.map((_, n) => `b${3 + n}@example.net`));
}
