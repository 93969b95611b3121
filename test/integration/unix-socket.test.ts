import { BoundedPeerMemory, type SessionOptions, SmtpSession } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { startLmtpServer } from "../support/lmtp-server.ts";
import { message } from "../support/scripted-peer.ts";

const FOUR = message(1, {
  to: ["ann@example.net", "full@example.net", "nobody@example.net", "closed@example.net"],
  data: "Subject: Hi\n\nHi\n",
});

describe("LMTP over a Unix socket", () => {
  test("from greeting to QUIT", async () => {
    const server = await startLmtpServer();
    const { socketPath } = server;
    const session = new SmtpSession({ protocol: "lmtp", socketPath, peers: new BoundedPeerMemory() });
    const connects: unknown[] = [];
    session.on("connecting", ({ host, port }) => connects.push([host, port]));
    session.on("connect", ({ host, port, remoteAddress, secure }) =>
      connects.push([host, port, remoteAddress, secure]),
    );
    const deliveries = await Promise.all([session.pipeline(FOUR), session.pipeline(message(2))]);
    await session.quit();
    expect(deliveries.map(({ recipients }) => recipients.map(({ status }) => status))).toEqual([
      ["succeeded", "failed", "failed", "failed"],
      ["succeeded"],
    ]);
    expect(deliveries[0]?.failed.map(({ stage, retryable }) => [stage, retryable])).toEqual([
      ["message", true],
      ["rcpt", false],
      ["message", false],
    ]);
    expect(server.stored).toEqual([
      { recipient: "ann@example.net", text: "Subject: Hi\r\n\r\nHi\r\n" },
      { recipient: "b2@example.net", text: "Text 2\r\n" },
    ]);
    expect(connects).toEqual([
      [socketPath, 0],
      [socketPath, 0, undefined, false],
    ]);
    expect([session.host, session.port, session.protocol]).toEqual([socketPath, 0, "lmtp"]);
  });

  test("named by a URL, percent-encoded", async () => {
    const server = await startLmtpServer();
    const { socketPath } = server;
    expect(socketPath).toContain(" ");
    const session = new SmtpSession(`lmtp+unix://${socketPath.replaceAll(" ", "%20")}`);
    const delivery = await session.pipeline(message(1));
    await session.quit();
    expect(delivery.ok).toBe(true);
    expect(server.stored.map(({ recipient }) => recipient)).toEqual(["b1@example.net"]);
  });

  test("a socket that is not there: ESMTP_CONNECT, which names it", async () => {
    const { socketPath } = await startLmtpServer();
    const session = new SmtpSession({ protocol: "lmtp", socketPath: `${socketPath}.not` });
    const delivery = await session.pipeline(message(1));
    expect(delivery.failed).toMatchObject([
      { stage: "connection", retryable: true, error: { code: "ESMTP_CONNECT" } },
    ]);
    expect(delivery.error?.message).toContain(`${socketPath}.not`);
    expect(delivery.error?.message).not.toContain(":0");
  });

  test.each([
    ["localhost", undefined, true],
    ["a name that is given", "mail.example.org", true],
    ["another name", "other.example.org", false],
  ])("under TLS the certificate is checked against %s", async (_, servername, fits) => {
    const { socketPath } = await startLmtpServer({ key: KEY, cert: CERTIFICATE });
    const session = new SmtpSession({
      protocol: "lmtp",
      socketPath,
      tls: "implicit",
      tlsOptions: { ca: CERTIFICATE, ...(servername !== undefined && { servername }) },
    });
    const delivery = await session.pipeline(message(1));
    expect([delivery.ok, session.secure, delivery.error?.code]).toEqual(
      fits ? [true, true, undefined] : [false, false, "ESMTP_TLS_FAILED"],
    );
    await session.quit();
  });

  test("of a server that speaks the other protocol: refused at the first command", async () => {
    const { socketPath } = await startLmtpServer();
    const session = new SmtpSession({ socketPath });
    const delivery = await session.pipeline(message(1));
    expect(delivery.error?.code).toBe("ESMTP_HELLO_REFUSED");
  });
});

describe("options", () => {
  const path = "/run/store.sock";

  test.each<[string, SessionOptions]>([
    ["host", { socketPath: path, host: "mx.example" }],
    ["port", { socketPath: path, port: 24 }],
    ["localAddress", { socketPath: path, localAddress: "127.0.0.1" }],
    ["connectSocket", { socketPath: path, connectSocket: () => Promise.reject(new Error("unused")) }],
  ])("socketPath excludes %s", (name, options) => {
    expect(() => new SmtpSession(options)).toThrow(TypeError);
    expect(() => new SmtpSession(options)).toThrow(`options.${name} can't go with options.socketPath`);
  });

  test.each<[SessionOptions | string, string, number, "smtp" | "lmtp"]>([
    [{ protocol: "lmtp", host: "store.example" }, "store.example", 24, "lmtp"],
    [{ protocol: "lmtp", host: "store.example", tls: "implicit" }, "store.example", 24, "lmtp"],
    [{ protocol: "lmtp", host: "store.example", port: 2_003 }, "store.example", 2_003, "lmtp"],
    [{ protocol: "lmtp", socketPath: path }, path, 0, "lmtp"],
    [{ socketPath: path }, path, 0, "smtp"],
    ["lmtp://store.example", "store.example", 24, "lmtp"],
    ["lmtp://store.example:2003", "store.example", 2_003, "lmtp"],
    ["lmtp://[::1]:2003/", "::1", 2_003, "lmtp"],
    ["lmtp+unix:///run/store.sock", path, 0, "lmtp"],
    ["lmtp+unix:///run/a%20b%25/%C3%A9", "/run/a b%/\u00e9", 0, "lmtp"],
    ["smtp://mx.example", "mx.example", 25, "smtp"],
  ])("%o: where it goes, and what it speaks", (options, host, port, protocol) => {
    const session = new SmtpSession(options);
    expect([session.host, session.port, session.protocol]).toEqual([host, port, protocol]);
  });

  test.each([
    "lmtp://",
    "lmtp://store.example/path",
    "lmtp://store.example?tls=off",
    "lmtp+unix://",
    "lmtp+unix:///",
    "lmtp+unix://host/run/store.sock",
    "lmtp+unix:///run/store.sock?tls=off",
    "lmtp+unix:///run/store.sock#x",
    "lmtp+unix:///run/%zz",
    "lmtp+unix:///run/%00",
    "lmtp+unix:///run/%0D%0A",
    "lmtps://store.example",
  ])("%s is a TypeError", (url) => {
    expect(() => new SmtpSession(url)).toThrow(TypeError);
    expect(() => new SmtpSession(url)).toThrow(/^options/);
  });
});
