import { BoundedPeerMemory, type SessionOptions, type SmtpError, SmtpSession } from "smtp-pipelining";
import { expect, test } from "vitest";
import { conversation, ScriptedPeer } from "../support/scripted-peer.ts";

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
