import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { carry } from "../../bench/proxy/lane.ts";
import { openProxy, type Passed } from "../../bench/proxy/proxy.ts";
import { RoundTrips } from "../../bench/proxy/round-trips.ts";

describe("round trips", () => {
  /** The client's octets, delivered at once. */
  function send(trips: RoundTrips, text: string): void {
    trips.deliveredToServer(trips.fromClient(Buffer.from(text)));
  }

  /** A reply, delivered at once. */
  function reply(trips: RoundTrips): void {
    trips.deliveredToClient(trips.fromServer());
  }

  test("one for each time that the client sent after it was told something; QUIT is none", () => {
    const trips = new RoundTrips();
    reply(trips); // the greeting
    send(trips, "EHLO me\r\n");
    reply(trips);
    send(trips, "MAIL FROM:<a@x>\r\n");
    send(trips, "RCPT TO:<b@y>\r\n"); // nothing was told in between
    reply(trips);
    reply(trips);
    send(trips, "DATA\r\n");
    reply(trips);
    send(trips, "QUIT\r\n");
    expect([trips.count, trips.inSequence]).toEqual([3, 3]);
  });

  test("none for what is sent before the server said anything", () => {
    const trips = new RoundTrips();
    send(trips, "EHLO me\r\n");
    send(trips, "NOOP\r\n");
    expect([trips.count, trips.inSequence]).toEqual([0, 0]);
  });

  test("a reply that is on its way counts when it is there", () => {
    const trips = new RoundTrips();
    const greeting = trips.fromServer();
    send(trips, "EHLO me\r\n");
    expect(trips.count).toBe(0);
    trips.deliveredToClient(greeting);
    send(trips, "NOOP\r\n");
    expect(trips.count).toBe(1);
  });

  test("those under way at once do not follow one another", () => {
    const trips = new RoundTrips();
    reply(trips);
    const first = trips.fromClient(Buffer.from("NOOP\r\n"));
    const second = trips.fromClient(Buffer.from("NOOP\r\n"));
    trips.deliveredToServer(first);
    const answer = trips.fromServer();
    trips.deliveredToServer(second);
    const other = trips.fromServer();
    // Both answers were caused by what was sent after the greeting.
    trips.deliveredToClient(answer);
    const third = trips.fromClient(Buffer.from("NOOP\r\n"));
    trips.deliveredToClient(other);
    const fourth = trips.fromClient(Buffer.from("NOOP\r\n"));
    trips.deliveredToServer(third);
    trips.deliveredToServer(fourth);
    expect([trips.count, trips.inSequence]).toEqual([3, 2]);
  });
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function through(
  serve: (socket: Socket) => void,
  roundTrip: number,
): Promise<{ readonly client: Socket; close(): Passed }> {
  const target = await listen(createServer({ allowHalfOpen: true }, serve));
  const proxy = await openProxy(target, roundTrip);
  const client = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => {
    client.destroy();
  });
  return { client, close: proxy.close };
}

test("octets arrive whole and in order, both ways, and ends too", async () => {
  // Each octet tells where it stands: 251 is prime, so no block looks like another.
  const sent = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251));
  const { client, close } = await through((socket) => socket.pipe(socket), 4);
  const heard: Buffer[] = [];
  client.on("data", (octets) => heard.push(octets));
  for (let at = 0; at < sent.length; at += 123_457) client.write(sent.subarray(at, at + 123_457));
  client.end();
  await once(client, "end");
  expect(Buffer.concat(heard).equals(sent)).toBe(true);
  expect(close().connections).toBe(1);
});

test("a conversation's round trips are counted on their way", async () => {
  const { client, close } = await through((socket) => {
    socket.on("data", () => socket.write("250 ok\r\n"));
    socket.on("error", () => undefined);
    socket.write("220 hello\r\n");
  }, 20);
  await once(client, "data");
  for (let i = 0; i < 3; i++) {
    client.write("NOOP\r\n");
    await once(client, "data");
  }
  expect(close()).toEqual({ connections: 1, roundTrips: 3, inSequence: 3 });
});

test("octets, and their end, leave so many milliseconds after they came", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const from = new PassThrough();
  const to = new PassThrough();
  const marks: number[] = [];
  carry(from, to, 10, { entered: (octets) => octets.length, left: (mark) => marks.push(mark) });
  const now = (): string => String(to.read() ?? "");
  const arrive = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  from.write("one");
  await arrive();
  vi.advanceTimersByTime(6);
  from.end("second");
  await arrive();
  vi.advanceTimersByTime(3);
  expect(now()).toBe("");
  vi.advanceTimersByTime(1);
  expect([now(), marks]).toEqual(["one", [3]]);
  vi.advanceTimersByTime(5);
  expect([now(), to.writableEnded]).toEqual(["", false]);
  vi.advanceTimersByTime(1);
  expect([now(), marks, to.writableEnded]).toEqual(["second", [3, 6], true]);
});

test("a server that is gone closes the client's connection", async () => {
  const server = createServer();
  const target = await listen(server);
  server.close();
  await once(server, "close");
  const proxy = await openProxy(target, 2);
  const client = connect(proxy.port, "127.0.0.1");
  client.on("error", () => undefined);
  await once(client, "close");
  expect(proxy.close().connections).toBe(1);
});
