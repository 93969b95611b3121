import { Readable } from "node:stream";
import { BoundedPeerMemory, type MessageData, type SessionOptions, SmtpSession } from "smtp-pipelining";
import { expect, test } from "vitest";
import { startCountingServer } from "../support/scripted-peer/counting-server.ts";
import { message } from "../support/scripted-peer.ts";

// N messages take N + a constant number of round trips, counted by the server: one a message, and the greeting,
// EHLO, the first envelope and QUIT.

const CONSTANT = 4;

async function roundTrips(
  n: number,
  data: (text: string) => MessageData,
  options: SessionOptions = {},
): Promise<number> {
  const server = await startCountingServer("PIPELINING");
  const session = new SmtpSession({
    host: "127.0.0.1",
    port: server.port,
    name: "client.example",
    peers: new BoundedPeerMemory(),
    ...options,
  });
  const texts = Array.from({ length: n }, (_, i) => `Text ${i + 1}`);
  const deliveries = await Promise.all(
    texts.map((text, i) => session.pipeline(message(i + 1, { data: data(`${text}\r\n`) }))),
  );
  await session.quit();
  expect(deliveries.every(({ ok }) => ok)).toBe(true);
  expect(server.texts).toEqual(texts);
  return server.roundTrips;
}

const FORMS: readonly [string, (text: string) => MessageData][] = [
  ["strings", (text) => text],
  ["octets", (text) => Buffer.from(text)],
  ["streams", (text) => Readable.from([text.slice(0, 3), text.slice(3)])],
  ["functions that return a string", (text) => () => text],
  ["functions that return a stream", (text) => async () => Readable.from([text])],
];

test.each(FORMS)("%s", async (_, data) => {
  for (const n of [1, 2, 10, 100]) expect(await roundTrips(n, data)).toBe(n + CONSTANT);
});

test('pipelining: "transaction" takes two round trips a message', async () => {
  expect(await roundTrips(20, (text) => text, { pipelining: "transaction" })).toBe(2 * 20 + 3);
});

test('pipelining: "off" takes one for every command', async () => {
  expect(await roundTrips(20, (text) => text, { pipelining: "off" })).toBe(4 * 20 + 3);
});
