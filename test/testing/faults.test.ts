import { connect } from "node:net";
import { type Delivery, type Message, SmtpSession } from "smtp-pipelining";
import {
  createTestServer,
  cut,
  type Fault,
  stall,
  stopReading,
  surplus,
  type TestServer,
} from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import { codes, tell } from "./client.ts";

const ENVELOPE = "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n";
const MESSAGE = `${ENVELOPE}DATA\r\ntext\r\n.\r\n`;
const GREETING = "220 test.example ESMTP\r\n";

/** What a client hears, and how many messages the server accepted. */
async function hears(fault: Fault, octets: string, end?: "leave"): Promise<[string, number]> {
  await using server = await createTestServer({ faults: [fault] });
  const said = codes(await tell(server, octets, end));
  await server.disconnected();
  return [said, server.messages.length];
}

describe("cut at a command", () => {
  test.each<[Parameters<typeof cut>[0], string, number]>([
    [{ at: "text", when: "received", how: "fin" }, "220 250 250 354 ", 0],
    [{ at: "text", how: "fin" }, "220 250 250 354 ", 1],
    [{ at: "text", when: "answered", how: "fin" }, "220 250 250 354 250 ", 1],
    [{ at: "text", nth: 2, how: "fin" }, "220 250 250 354 250 250 250 354 ", 2],
    [{ at: "rcpt to:<b@", nth: 2, how: "fin" }, "220 250 250 354 250 250 ", 1],
    [{ at: "greeting", how: "fin" }, "", 0],
  ])("%j", async (options, said, accepted) => {
    expect(await hears(cut(options), `${MESSAGE}${MESSAGE}QUIT\r\n`)).toEqual([said, accepted]);
  });

  test("reset by default; the next connection is none of it", async () => {
    await using server = await createTestServer({ faults: [cut({ at: "text" })] });
    // A reset may take with it what had arrived and was not read; Linux shows it as an end where something was.
    expect(codes(await tell(server, MESSAGE))).toMatch(/^(220 250 250 354 )?(ECONNRESET)?$/);
    expect(codes(await tell(server, `${MESSAGE}QUIT\r\n`))).toBe("220 250 250 354 250 221 ");
    expect(server.messages.map(({ connection }) => connection)).toEqual([1, 2]);
    expect(server.connections[0]?.transcript.at(-1)).toBe("-- cut (rst)");
  });
});

describe("cut behind an octet", () => {
  test.each([1, 10, GREETING.length])("%i of the server's", async (afterSent) => {
    await using server = await createTestServer({ faults: [cut({ afterSent, how: "fin" })] });
    expect(await tell(server, "NOOP\r\n")).toBe(GREETING.slice(0, afterSent));
  });

  test.each<[number, "fin" | "rst", number]>([
    [MESSAGE.length - 1, "fin", 0],
    [MESSAGE.length, "fin", 1],
    [MESSAGE.length, "rst", 1],
  ])("%i of the client's, %s: what came whole is carried out", async (afterReceived, how, accepted) => {
    await using server = await createTestServer({ faults: [cut({ afterReceived, how })] });
    const said = await tell(server, `${MESSAGE}${MESSAGE}`);
    if (how === "fin") expect(codes(said)).toBe(`220 250 250 354 ${accepted === 1 ? "250 " : ""}`);
    else expect(said.endsWith("ECONNRESET")).toBe(true);
    await server.disconnected();
    expect(server.messages.length).toBe(accepted);
  });

  test("of another connection than the first, and of TLS's own octets", async () => {
    await using server = await createTestServer({
      tls: "implicit",
      faults: [cut({ afterReceived: 100, connection: 2 })],
    });
    const connects = (): Promise<SmtpSession> =>
      SmtpSession.connect({
        host: server.host,
        port: server.port,
        tls: "implicit",
        tlsOptions: { ca: server.certificate },
      });
    const first = await connects();
    await first.quit();
    await expect(connects()).rejects.toMatchObject({ retryable: true });
    await server.disconnected();
    expect(server.connections.map(({ secure }) => secure)).toEqual([true, false]);
  });
});

describe("stall", () => {
  test("for good: nothing is said any more, whatever comes", async () => {
    expect(await hears(stall({ at: "DATA" }), `${MESSAGE}QUIT\r\n`, "leave")).toEqual(["220 250 250 ", 0]);
    expect(await hears(stall({ at: "text" }), `${MESSAGE}QUIT\r\n`, "leave")).toEqual([
      "220 250 250 354 ",
      1,
    ]);
  });

  test("for a while: everything is answered in the end", async () => {
    expect(await hears(stall({ at: "DATA", for: 5 }), `${MESSAGE}QUIT\r\n`)).toEqual([
      "220 250 250 354 250 221 ",
      1,
    ]);
  });
});

test("a reply too many, behind the true one or before it", async () => {
  const octets = `${MESSAGE}QUIT\r\n`;
  expect(await hears(surplus({ at: "RCPT", reply: "299 more" }), octets)).toEqual([
    "220 250 250 299 354 250 221 ",
    1,
  ]);
  expect(await hears(surplus({ at: "text", reply: "299 more", before: true }), octets)).toEqual([
    "220 250 250 354 299 250 221 ",
    1,
  ]);
});

describe("a server that stops reading", () => {
  const many = "x".repeat(80).concat("\r\n").repeat(200_000); // more than the buffers of a connection hold

  function send(server: TestServer): Promise<Delivery> {
    const session = new SmtpSession({ host: server.host, port: server.port, timeouts: { text: 100 } });
    const message: Message = { from: "a@example.org", to: "b@example.net", data: many };
    return session.pipeline(message).finally(() => session.quit());
  }

  test.each([
    ["at a command", stopReading({ at: "DATA", when: "answered" })],
    ["behind an octet", stopReading({ afterReceived: 1_000 })],
  ])("%s: the client can't write", async (_, fault) => {
    await using server = await createTestServer({ faults: [fault] });
    const { failed } = await send(server);
    expect(failed).toMatchObject([
      { stage: "connection", retryable: true, error: { code: "ESMTP_TIMEOUT" } },
    ]);
    expect(server.messages).toEqual([]);
  });

  test("and goes on: the message arrives", async () => {
    await using server = await createTestServer({
      faults: [stopReading({ at: "DATA", when: "answered", for: 5 })],
    });
    expect(await send(server)).toMatchObject({ ok: true });
    expect(server.messages[0]?.text.length).toBe(many.length);
  });
});

test("latency holds octets in both directions", async () => {
  await using server = await createTestServer({ latency: 20 });
  const socket = connect(server.port, server.host);
  const start = performance.now();
  await new Promise((resolve) => socket.once("data", resolve));
  const greeted = performance.now();
  socket.write("NOOP\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  socket.destroy();
  // Timers fire up to a millisecond early.
  expect(greeted - start).toBeGreaterThan(18);
  expect(performance.now() - greeted).toBeGreaterThan(37);
});

test("a fault says where it is, once, at something that can come", () => {
  expect(() => cut({ at: "DTAA" })).toThrow('cut: at: no command begins with "DTAA"');
  expect(() => stall({} as Parameters<typeof stall>[0])).toThrow("stall: one of at, afterReceived");
  expect(() => cut({ afterSent: 1, afterReceived: 1 })).toThrow(TypeError);
});
