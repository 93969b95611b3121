import { createServer, Socket, connect as tcp } from "node:net";
import { Duplex } from "node:stream";
import { BoundedPeerMemory, type SessionOptions, type SmtpError, SmtpSession } from "smtp-pipelining";
import { expect, test } from "vitest";
import { BYE, conversation, fate, HELLO, hello, message, ScriptedPeer } from "../support/scripted-peer.ts";

// API: connect() rejects with what the session failed with, and the event `error` tells the same.

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const EHLO = "S: 220 peer.example\nC: EHLO client.example";

test.each<[string, string, string, boolean]>([
  ["554 for a greeting", "S: 554 no SMTP service here", "ESMTP_GREETING_REFUSED", false],
  ["450 for a greeting", "S: 450 come back later", "ESMTP_GREETING_REFUSED", true],
  ["421 for a greeting", "S: 421 too busy", "ESMTP_GREETING_REFUSED", true],
  ["a server of another kind", "S: SSH-2.0-OpenSSH_9.2", "ESMTP_MALFORMED_REPLY", true],
  ["a greeting with a strange code", "S: 999 hello", "ESMTP_MALFORMED_REPLY", true],
  ["a greeting of two codes", "S: 220-peer.example\nS: 250 hello", "ESMTP_MALFORMED_REPLY", true],
  ["a greeting without an end", `S> 220 ${"x".repeat(5_000)}`, "ESMTP_REPLY_TOO_LONG", true],
  ["a greeting of too many lines", "S: 220-hello\n".repeat(300), "ESMTP_REPLY_TOO_LONG", true],
  ["a greeting that asks for a text", "S: 354 go on", "ESMTP_OUT_OF_STEP", true],
  ["a server that hangs up", "-- close", "ESMTP_CONNECTION_LOST", true],
  ["450 for EHLO", `${EHLO}\nS: 450 not now`, "ESMTP_HELLO_REFUSED", true],
  ["550 for HELO", `${EHLO}\nS: 500 what?\nC: HELO client.example\nS: 550 no`, "ESMTP_HELLO_REFUSED", false],
])("%s", async (_, script, code, retryable) => {
  let error: unknown;
  const outcome = await conversation([], script, {
    run: async ({ session }) => {
      error = await rejection(session.connect());
      expect(await rejection(session.connect())).toBe(error);
    },
  });
  expect(error).toMatchObject({ name: "SmtpError", code, retryable });
  expect(outcome.error).toBe(code);
});

test("nobody listens there", async () => {
  // The peer's port is taken on its own address; on this one nobody listens.
  const { port } = await ScriptedPeer.start();
  const session = new SmtpSession({ host: "127.0.0.2", port, peers: new BoundedPeerMemory() });
  const error = await rejection(session.connect());
  expect(error).toMatchObject({ code: "ESMTP_CONNECT", retryable: true, cause: { code: "ECONNREFUSED" } });
  expect(session.state).toBe("closed");
});

function thrown(): never {
  throw new Error("no proxy");
}

test.each<[string, NonNullable<SessionOptions["connectSocket"]>]>([
  ["throws", thrown],
  ["rejects", () => Promise.reject(new Error("no proxy"))],
  ["returns no connection", (() => ({})) as unknown as typeof thrown],
])("connectSocket %s", async (_, connectSocket) => {
  const session = new SmtpSession({ connectSocket, peers: new BoundedPeerMemory() });
  const error = await rejection(session.connect());
  expect(error).toMatchObject({ code: "ESMTP_CONNECT", retryable: true });
  expect((error as SmtpError).cause).toBeInstanceOf(Error);
});

test.each<[string, (socket: Socket) => unknown]>([
  ["that is still connecting", () => undefined],
  ["that is paused", (socket) => socket.pause()],
  [
    "that connects later, paused",
    async (socket) => {
      socket.pause();
      await new Promise((resolve) => setImmediate(resolve));
    },
  ],
])("connectSocket may return a socket %s", async (_, prepare) => {
  const peer = await ScriptedPeer.start();
  const connectSocket = async () => {
    const socket = tcp({ host: "127.0.0.1", port: peer.port });
    await prepare(socket);
    return socket;
  };
  const { log, reason } = await peer.conversation([], `${HELLO}${BYE}`, {
    session: { connectSocket },
    run: ({ session }) => session.connect(),
  });
  expect(log.of("connect").map(({ remoteAddress }) => remoteAddress)).toEqual(["127.0.0.1"]);
  expect(reason).toBe("quit");
});

/** A port where nobody listens any more. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("connectSocket's socket that can't connect is a failed connection", async () => {
  const port = await deadPort();
  const connectSocket = () => tcp({ host: "127.0.0.1", port });
  const session = new SmtpSession({ connectSocket, peers: new BoundedPeerMemory() });
  const error = await rejection(session.connect());
  expect(error).toMatchObject({ code: "ESMTP_CONNECT", cause: { code: "ECONNREFUSED" } });
});

/** A socket that connects and never comes to an end of it. */
function endless(): Socket {
  return Object.defineProperty(new Socket(), "connecting", { value: true });
}

test("connectSocket's socket that takes too long to connect is a timeout, and is closed", async () => {
  const socket = endless();
  const timeouts = { connect: 20 };
  const session = new SmtpSession({ connectSocket: () => socket, timeouts, peers: new BoundedPeerMemory() });
  expect(await rejection(session.connect())).toMatchObject({ code: "ESMTP_TIMEOUT", retryable: true });
  expect(socket.destroyed).toBe(true);
});

test("connectSocket's socket that still connects is closed by destroy()", async () => {
  const socket = endless();
  const session = new SmtpSession({ connectSocket: () => socket, peers: new BoundedPeerMemory() });
  const connected = rejection(session.connect());
  await new Promise((resolve) => setImmediate(resolve));
  session.destroy();
  expect(await connected).toMatchObject({ code: "ESMTP_DESTROYED" });
  expect(socket.destroyed).toBe(true);
});

/** A connection in memory that greets, answers as it is told, and takes everything. */
function answering(answer: (duplex: Duplex, written: string) => void): Duplex {
  const duplex: Duplex = new Duplex({
    objectMode: true,
    read: () => undefined,
    write: (chunk: Uint8Array, _encoding, callback) => {
      answer(duplex, Buffer.from(chunk).toString("latin1"));
      callback();
    },
  });
  duplex.push("220 peer.example\r\n");
  return duplex;
}

const EHLO_REPLY = hello("PIPELINING")
  .split("\n")
  .flatMap((line) => (line.includes("S: 250") ? [`${line.trim().slice(3)}\r\n`] : []))
  .join("");

test.each<[string, (duplex: Duplex, written: string) => void, RegExp]>([
  ["gives a number", (duplex) => duplex.push(5), /where octets were due/],
  ["gives an object", (duplex) => duplex.push({ code: 250 }), /where octets were due/],
  [
    "throws when it is written to",
    () => {
      throw new Error("torn");
    },
    /torn/,
  ],
  [
    "throws something that can't become a string",
    () => {
      throw Object.create(null);
    },
    /can't be shown/,
  ],
])("a connection that %s is lost: every recipient has its fate", async (_, misbehave, told) => {
  for (const at of ["EHLO", "MAIL"]) {
    const duplex = answering((connection, written) => {
      if (written.startsWith(at)) misbehave(connection, written);
      else connection.push(EHLO_REPLY);
    });
    const session = new SmtpSession({ connectSocket: () => duplex, peers: new BoundedPeerMemory() });
    const errors: SmtpError[] = [];
    session.on("error", ({ error }) => errors.push(error));
    const deliveries = await Promise.all([session.pipeline(message(1)), session.pipeline(message(2))]);
    expect(deliveries.flatMap(({ recipients }) => recipients.map(fate))).toEqual([
      "b1 failed connection ESMTP_CONNECTION_LOST retryable",
      "b2 failed connection ESMTP_CONNECTION_LOST retryable",
    ]);
    expect(errors.map(({ message: text }) => told.test(text))).toEqual([true]);
    expect([session.state, session.pending, duplex.destroyed]).toEqual(["closed", 0, true]);
  }
});
