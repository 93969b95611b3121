import { BoundedPeerMemory, type Delivery, type Message, SmtpSession, type Window } from "smtp-pipelining";
import { expect, onTestFinished, test } from "vitest";
import { BurstPeer } from "../support/burst-peer.ts";

// A server that answers nothing until everything has come that the window lets be written. How much that is is told
// here by hand: 128 messages at first, twice as many with every 32 answered, at most the window.

const TEXT_OCTETS = 100;

function messages(count: number, octets: number = TEXT_OCTETS): Message[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `m${n}`,
    from: `a${n}@example.org`,
    to: `b${n}@example.net`,
    data: `${String(n).padEnd(octets - 2, ".")}\r\n`,
  }));
}

function sessionTo(peer: BurstPeer, window: Partial<Window> = {}): SmtpSession {
  const session = new SmtpSession({
    host: "127.0.0.1",
    port: peer.port,
    peers: new BoundedPeerMemory(),
    window,
  });
  onTestFinished(() => session.destroy());
  return session;
}

/** Lets so many more texts come, checks that these are all that come, and answers them. */
async function expectBurst(peer: BurstPeer, texts: number): Promise<void> {
  const before = peer.texts;
  await peer.when(() => peer.texts >= before + texts);
  await quiet();
  expect(peer.texts - before).toBe(texts);
  peer.answer();
  peer.hold();
}

/** Lets everything happen that happens without a reply: octets on a socket of this machine come in a turn or two. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
}

function expectAll(deliveries: readonly Delivery[], peer: BurstPeer): void {
  expect(deliveries.filter(({ ok }) => !ok)).toEqual([]);
  expect(peer.delivered).toEqual(deliveries.map((_, n) => `b${n}@example.net`));
}

test("the first burst to a new server has 128 messages; the message alone before it changes nothing", async () => {
  const peer = await BurstPeer.start();
  const session = sessionTo(peer);
  const sent = Promise.all(messages(1_300).map((each) => session.pipeline(each)));
  await peer.when(() => peer.texts > 0);
  peer.hold();
  await expectBurst(peer, 128);
  await expectBurst(peer, 1_024);
  await expectBurst(peer, 1_300 - 1 - 128 - 1_024);
  peer.answer();
  expectAll(await sent, peer);
  await session.quit();
});
