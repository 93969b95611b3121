import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { SessionOptions } from "smtp-pipelining";
import { describe, expect, onTestFinished, test } from "vitest";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { BYE, hello, message, type Outcome, ScriptedPeer } from "../support/scripted-peer.ts";

// REQUIRETLS (RFC 8689): offered, under TLS, with a certificate that was verified; or the message does not go.

const REQUIRING = message(1, { requireTls: true });
const VERIFIED: SessionOptions = { tls: "implicit", tlsOptions: { ca: CERTIFICATE } };
const UNVERIFIED: SessionOptions = { tls: "implicit", tlsOptions: { rejectUnauthorized: false } };

/** TLS in front of the peer, which speaks plain text. Returns its port. */
async function tlsInFrontOf(port: number): Promise<number> {
  const sockets: (Socket | TLSSocket)[] = [];
  const server = createServer({ cert: CERTIFICATE, key: KEY }, (client) => {
    const peer = connect({ host: "127.0.0.1", port, noDelay: true });
    sockets.push(client, peer);
    client.on("error", () => peer.destroy());
    peer.on("error", () => client.destroy());
    client.pipe(peer).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function underTls(session: SessionOptions, script: string): Promise<Outcome> {
  const peer = await ScriptedPeer.start();
  return peer.conversation([REQUIRING], script, {
    session: { ...session, port: await tlsInFrontOf(peer.port) },
  });
}

test("goes with MAIL where everything is there", async () => {
  const { fates, log } = await underTls(
    VERIFIED,
    `${hello("PIPELINING", "REQUIRETLS")}
    C: MAIL FROM:<a1@example.org> REQUIRETLS
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 1
    C: .
    S: 250 queued
    ${BYE}`,
  );
  expect(log.of("ready")[0]).toMatchObject({ secure: true, verified: true });
  expect(fates).toEqual(["b1 succeeded 250"]);
});

describe("is unsupported, and nothing of the message is sent, where", () => {
  const cases: readonly [string, SessionOptions, string, string][] = [
    ["the server does not offer it", VERIFIED, hello("PIPELINING"), "the server does not offer REQUIRETLS"],
    [
      "the certificate was not verified",
      UNVERIFIED,
      hello("PIPELINING", "REQUIRETLS"),
      "the server's certificate was not verified",
    ],
    [
      "both",
      UNVERIFIED,
      hello("PIPELINING"),
      "the server's certificate was not verified, and the server does not offer REQUIRETLS",
    ],
  ];
  test.each(cases)("%s", async (_, session, greeting, missing) => {
    const { fates, deliveries } = await underTls(session, `${greeting}${BYE}`);
    expect(fates).toEqual(["b1 failed unsupported ESMTP_UNSUPPORTED"]);
    expect(deliveries[0]?.error?.message).toBe(`The message requires TLS (REQUIRETLS): ${missing}`);
  });

  test.each([
    ["off", hello("PIPELINING", "REQUIRETLS", "STARTTLS")],
    ["opportunistic", hello("PIPELINING", "REQUIRETLS")],
  ] as const)("the connection is in plain text (%s)", async (tls, greeting) => {
    const peer = await ScriptedPeer.start();
    const { fates, deliveries } = await peer.conversation([REQUIRING], `${greeting}${BYE}`, {
      session: { tls },
    });
    expect(fates).toEqual(["b1 failed unsupported ESMTP_UNSUPPORTED"]);
    expect(deliveries[0]?.error?.message).toBe(
      "The message requires TLS (REQUIRETLS): the connection is not under TLS",
    );
  });
});

test("a message that does not require it goes as ever", async () => {
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [message(1, { requireTls: false })],
    `${hello("REQUIRETLS")}
    C: MAIL FROM:<a1@example.org>
    S: 550 no
    ${BYE}`,
  );
  expect(fates).toEqual(["b1 failed mail 550"]);
});
