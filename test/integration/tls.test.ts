import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type SessionOptions, SmtpSession } from "smtp-pipelining";
import { describe, expect, onTestFinished, test } from "vitest";
import { type EmbeddedServerOptions, startEmbeddedServer } from "../../examples/deliver/embedded-server.ts";
import { CERTIFICATE, KEY } from "../support/certificate.ts";

const TRUSTED = { ca: CERTIFICATE };

/** smtp-server with the tests' certificate. */
async function serve(more: NonNullable<EmbeddedServerOptions["smtp"]> = {}): Promise<{
  readonly port: number;
  readonly texts: string[];
  readonly security: (string | undefined)[];
}> {
  const texts: string[] = [];
  const security: (string | undefined)[] = [];
  const server = await startEmbeddedServer({
    arrived: ({ text }) => texts.push(text.toString("latin1")),
    smtp: {
      key: KEY,
      cert: CERTIFICATE,
      disabledCommands: ["AUTH"],
      onMailFrom: (_, session, done) => {
        const { tlsOptions } = session as { tlsOptions?: { version?: string } };
        security.push(session.secure ? tlsOptions?.version : undefined);
        done();
      },
      ...more,
    },
  });
  onTestFinished(() => server.close());
  return { port: server.port, texts, security };
}

function session(port: number, options: Partial<SessionOptions>): SmtpSession {
  const made = new SmtpSession({ host: "127.0.0.1", port, ...options });
  onTestFinished(() => made.destroy());
  return made;
}

const message = (n: number) => ({
  from: "a@example.org",
  to: `b${n}@example.net`,
  data: `Subject: ${n}\r\n\r\n${"Text.\r\n".repeat(n * 1_000)}`,
});

describe("a session under TLS", () => {
  const modes: readonly [string, Partial<SessionOptions>, boolean, boolean][] = [
    ["STARTTLS, opportunistic: encrypted, not verified", {}, false, false],
    ["STARTTLS, opportunistic, with a trusted certificate", { tlsOptions: TRUSTED }, false, true],
    ["STARTTLS, required", { tls: "required", tlsOptions: TRUSTED }, false, true],
    ["TLS from the first octet", { tls: "implicit", tlsOptions: TRUSTED }, true, true],
    ["TLS 1.2", { tls: "required", tlsOptions: { ...TRUSTED, maxVersion: "TLSv1.2" } }, false, true],
  ];
  test.each(modes)("%s: pipelined messages arrive as they are", async (_, options, secure, verified) => {
    const server = await serve({ secure });
    const client = session(server.port, options);
    const ready = new Promise((resolve) => client.once("ready", resolve));
    const connect = new Promise((resolve) => client.once("connect", resolve));
    const deliveries = await Promise.all([1, 2, 30].map((n) => client.pipeline(message(n))));
    expect(deliveries.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(server.texts).toEqual([1, 2, 30].map((n) => message(n).data));
    expect(await connect).toMatchObject({ secure, remoteAddress: "127.0.0.1" });
    const tlsVersion = options.tlsOptions?.maxVersion ?? "TLSv1.3";
    expect(await ready).toMatchObject({ secure: true, verified, tlsVersion });
    expect(client.secure).toBe(true);
    expect(client.supports("STARTTLS"), "what was learnt in plain text is forgotten").toBe(false);
    await client.quit();
    expect(client.state).toBe("closed");
  });

  test("carries what requires TLS where the certificate was verified, and not where it was not", async () => {
    const required: (boolean | undefined)[] = [];
    const server = await serve({
      hideREQUIRETLS: false,
      onData: (stream, { envelope }, done) => {
        required.push(envelope.requireTLS);
        stream.resume().on("end", () => done());
      },
    });
    const verified = session(server.port, { tls: "required", tlsOptions: TRUSTED });
    const unverified = session(server.port, {});
    for (const [client, ok] of [
      [verified, true],
      [unverified, false],
    ] as const) {
      const delivery = await client.pipeline({ ...message(1), requireTls: true });
      expect(delivery.ok).toBe(ok);
      expect((await client.pipeline(message(2))).ok).toBe(true);
      await client.quit();
      if (ok) continue;
      expect(delivery.failed[0]).toMatchObject({ stage: "unsupported", retryable: false });
      expect(delivery.error?.message).toContain("the server's certificate was not verified");
    }
    expect(required).toEqual([true, false, false]);
  });

  test("names the server it wants (SNI), and no address", async () => {
    const names: string[] = [];
    const server = await serve({
      SNICallback: (name: string, done: (error: null, context?: undefined) => void) => {
        names.push(name);
        done(null);
      },
    } as never);
    await session(server.port, { host: "localhost", tls: "required", tlsOptions: TRUSTED }).connect();
    await session(server.port, { tls: "required", tlsOptions: TRUSTED }).connect();
    expect(names).toEqual(["localhost"]);
  });
});

describe("a certificate that is not trusted", () => {
  const untrusted: readonly [string, Partial<SessionOptions>, RegExp][] = [
    ["signed by nobody known", { tls: "required" }, /self-signed/],
    [
      "of another name",
      { tls: "required", tlsOptions: { ...TRUSTED, servername: "other.example" } },
      /altnames/,
    ],
    ["from the first octet", { tls: "implicit" }, /self-signed/],
  ];
  test.each(untrusted)("%s ends the session before anything is sent", async (_, options, cause) => {
    const server = await serve({ secure: options.tls === "implicit" });
    const client = session(server.port, options);
    const { failed } = await client.pipeline(message(1));
    expect(failed.map(({ stage, error }) => [stage, error?.code])).toEqual([
      ["connection", "ESMTP_TLS_FAILED"],
    ]);
    expect(String(failed[0]?.error?.message)).toMatch(cause);
    expect(server.texts).toEqual([]);
  });
});

/** A server in plain text, until it says that it goes on otherwise. */
async function serveByHand(
  afterStartTls: (socket: Socket) => void,
  offer = "250-hand.example\r\n250 STARTTLS\r\n",
): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write("220 hand.example\r\n");
    socket.on("data", (chunk) => {
      const line = String(chunk);
      if (line.startsWith("EHLO")) socket.write(offer);
      if (line.startsWith("STARTTLS")) afterStartTls(socket);
    });
    onTestFinished(() => void socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("a handshake that comes to nothing ends the session:", () => {
  const ends: readonly [string, (socket: Socket) => void, string][] = [
    [
      "the server goes on in plain text",
      (s) => void s.end("220 go\r\n", () => s.write("250 ok\r\n")),
      "ESMTP_TLS_FAILED",
    ],
    ["the server closes", (s) => void s.end("220 go\r\n"), "ESMTP_TLS_FAILED"],
    ["the server is silent", (s) => void s.write("220 go\r\n"), "ESMTP_TIMEOUT"],
  ];
  test.each(ends)("%s", async (_, afterStartTls, code) => {
    const port = await serveByHand(afterStartTls);
    for (const tls of ["opportunistic", "required"] as const) {
      const client = session(port, { tls, timeouts: { tls: 500 } });
      const { failed } = await client.pipeline(message(1));
      expect(
        failed.map(({ error }) => error?.code),
        tls,
      ).toEqual([code]);
      expect(client.state).toBe("closed");
    }
  });

  test("the caller destroys the session", async () => {
    const port = await serveByHand((socket) => void socket.write("220 go\r\n"));
    const client = session(port, {});
    client.on("reply", ({ command }) => {
      if (command === "STARTTLS") setImmediate(() => client.destroy());
    });
    const { failed } = await client.pipeline(message(1));
    expect(failed.map(({ stage }) => stage)).toEqual(["aborted"]);
  });
});

test("capabilities are forgotten after the handshake: what was offered in plain text was not said by the server", async () => {
  const port = await serveByHand((socket) => {
    socket.removeAllListeners("data");
    socket.write("220 go\r\n");
    const secured = new TLSSocket(socket, { isServer: true, key: KEY, cert: CERTIFICATE });
    secured.on("error", () => undefined);
    secured.on("data", () => secured.write("250 hand.example\r\n"));
  }, "250-hand.example\r\n250-AUTH PLAIN\r\n250-SIZE 10\r\n250 STARTTLS\r\n");
  const client = session(port, { tlsOptions: TRUSTED, auth: { user: "tim", pass: "pencil" } });
  const sent: string[] = [];
  client.on("sent", ({ command }) => sent.push(command));
  await expect(client.connect()).rejects.toMatchObject({ code: "ESMTP_AUTH_UNAVAILABLE" });
  expect(sent).toEqual(["EHLO", "STARTTLS", "EHLO"]);
  expect([...client.capabilities]).toEqual([]);
});

test("a connection that is lost under TLS leaves a complete text unknown", async () => {
  const port = await serveByHand((socket) => {
    socket.removeAllListeners("data");
    socket.write("220 go\r\n");
    const secured = new TLSSocket(socket, { isServer: true, key: KEY, cert: CERTIFICATE });
    secured.on("error", () => undefined);
    secured.on("data", (chunk) => {
      const text = String(chunk);
      if (text.startsWith("EHLO")) secured.write("250 hand.example\r\n");
      else if (text.startsWith("DATA")) secured.write("354 go\r\n");
      else if (text.endsWith("\r\n.\r\n")) socket.destroy();
      else secured.write("250 ok\r\n");
    });
  });
  const { unknown } = await session(port, {}).pipeline({ ...message(1), data: "Short.\r\n" });
  expect(unknown.map(({ error }) => error.code)).toEqual(["ESMTP_CONNECTION_LOST"]);
});
