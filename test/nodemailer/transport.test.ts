import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import nodemailer, { type Transporter } from "nodemailer";
import { BoundedPeerMemory } from "smtp-pipelining";
import {
  type NodemailerError,
  type PipeliningTransportOptions,
  pipeliningTransport,
} from "smtp-pipelining/nodemailer";
import {
  createTestServer,
  cut,
  stall,
  type TestServer,
  type TestServerOptions,
} from "smtp-pipelining/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { MAIL } from "./scenarios/scenario.ts";
import { createTransporter, type Kind } from "./transporters.ts";

const KINDS: readonly Kind[] = ["smtp", "pool", "ours"];

async function serverFor(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await createTestServer(options);
  onTestFinished(() => server.close());
  return server;
}

function transportTo({ host, port }: TestServer, options: PipeliningTransportOptions = {}) {
  const transport = pipeliningTransport({ host, port, peers: new BoundedPeerMemory(), ...options });
  onTestFinished(() => transport.close({ force: true }));
  return transport;
}

const failed = (sending: Promise<unknown>): Promise<NodemailerError> =>
  sending.then(
    () => Promise.reject(new Error("it was sent")),
    (error: NodemailerError) => error,
  );

test.each(KINDS)("%s: a thousand messages given at once all arrive, once", async (kind) => {
  const server = await serverFor({ replies: { "RCPT TO:<no@": "550 5.1.1 Nobody" } });
  const transporter = createTransporter(kind, { host: server.host, port: server.port });
  const sent = await Promise.allSettled(
    Array.from({ length: 1_000 }, (_, n) =>
      transporter.sendMail({ ...MAIL, to: n % 10 === 0 ? "no@example.net" : `to-${n}@example.net` }),
    ),
  );
  transporter.close();
  expect(sent.filter(({ status }) => status === "fulfilled")).toHaveLength(900);
  const taken = server.messages.flatMap(({ to }) => to);
  expect(new Set(taken).size).toBe(900);
  expect(taken).toHaveLength(900);
});

describe("nodemailer's own plugins", () => {
  const dkim = {
    domainName: "example.org",
    keySelector: "k1",
    privateKey: generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey.export({
      type: "pkcs8",
      format: "pem",
    }) as string,
    skipFields: "date",
  };

  test("the DKIM signature is the one that its own transport sends", async () => {
    const signatures = await Promise.all(
      KINDS.map(async (kind) => {
        const server = await serverFor();
        const transporter = createTransporter(kind, { host: server.host, port: server.port });
        await transporter.sendMail({ ...MAIL, dkim });
        transporter.close();
        return /^DKIM-Signature: [\s\S]*?\r\n(?![ \t])/m.exec(server.messages[0]?.text ?? "")?.[0];
      }),
    );
    expect(signatures[2]).toMatch(/d=example\.org/);
    // RSA signs the same text the same way.
    expect(signatures[2]).toBe(signatures[0]);
    expect(signatures[1]).toBe(signatures[0]);
  });

  test("plugins of the steps compile and stream are called, in order, and change the text", async () => {
    const server = await serverFor();
    const transporter = nodemailer.createTransport(transportTo(server));
    const steps: string[] = [];
    transporter.use("compile", (mail, done) => {
      steps.push("compile");
      mail.data.subject = `${mail.data.subject}, twice`;
      done();
    });
    transporter.use("stream", (mail, done) => {
      steps.push("stream");
      mail.message.addHeader("X-Step", "stream");
      done();
    });
    await transporter.sendMail(MAIL);
    expect(steps).toEqual(["compile", "stream"]);
    const text = server.messages[0]?.text;
    expect(text).toMatch(/^Subject: Hello, twice\r$/m);
    expect(text).toMatch(/^X-Step: stream\r$/m);
  });

  test("a plugin that fails fails its message alone", async () => {
    const server = await serverFor();
    const transporter = nodemailer.createTransport(transportTo(server));
    transporter.use("compile", (mail, done) =>
      done(mail.data.subject === "bad" ? new Error("will not do") : undefined),
    );
    const [first, second] = await Promise.allSettled([
      transporter.sendMail({ ...MAIL, subject: "bad" }),
      transporter.sendMail(MAIL),
    ]);
    expect([first.status, second.status]).toEqual(["rejected", "fulfilled"]);
    expect(server.messages).toHaveLength(1);
  });
});

describe("the idle event", () => {
  test("comes at first, and again when a transporter that was busy has room", async () => {
    const server = await serverFor({ faults: [stall({ at: "MAIL", for: 50 })] });
    const transporter: Transporter = nodemailer.createTransport(transportTo(server));
    await once(transporter, "idle");
    expect(transporter.isIdle()).toBe(true);
    const sending = Array.from({ length: 1_100 }, () => transporter.sendMail(MAIL));
    // It is told in the turn after: nodemailer compiles a message before it gives it to its transport.
    const idle = once(transporter, "idle");
    await Promise.all(sending);
    await idle;
    expect(transporter.isIdle()).toBe(true);
    expect(server.messages).toHaveLength(1_100);
  });

  test("is what a loop may wait for", async () => {
    const server = await serverFor();
    const transporter: Transporter = nodemailer.createTransport(transportTo(server));
    let left = 30;
    const sending: Promise<unknown>[] = [];
    await new Promise<void>((resolve) => {
      transporter.on("idle", () => {
        while (transporter.isIdle() && left > 0) {
          left--;
          sending.push(transporter.sendMail(MAIL));
        }
        if (left === 0) resolve();
      });
    });
    await Promise.all(sending);
    expect(server.messages).toHaveLength(30);
  });
});

describe("close()", () => {
  test("sends what was given, and takes nothing more", async () => {
    const server = await serverFor();
    const transport = transportTo(server);
    const transporter = nodemailer.createTransport(transport);
    const sending = Array.from({ length: 20 }, () => transporter.sendMail(MAIL));
    // Nodemailer hands them over in turns of its own.
    while (transport.pendingCount() < 20) await new Promise(setImmediate);
    const closed = once(transport, "close");
    transporter.close();
    expect(await failed(transporter.sendMail(MAIL))).toMatchObject({
      code: "ECONNECTION",
      fate: "failed",
      retryable: true,
    });
    expect(await Promise.all(sending)).toHaveLength(20);
    await closed;
    expect(server.messages).toHaveLength(20);
  });

  test("with force settles everything at once: what may have been taken is unknown", async () => {
    const server = await serverFor({ faults: [stall({ at: "text" })] });
    const transport = transportTo(server, { maxConnections: 1 });
    const transporter = nodemailer.createTransport(transport);
    const sending = ["a@x.net", "b@x.net"].map((to) => failed(transporter.sendMail({ ...MAIL, to })));
    await server.received("text");
    await transport.close({ force: true });
    const [first, second] = await Promise.all(sending);
    expect(first).toMatchObject({ fate: "unknown", retryable: false, unknown: ["a@x.net"] });
    expect(second).toMatchObject({ fate: "failed", retryable: true });
  });
});

describe("a connection that ends", () => {
  test("costs nobody anything whose text was not sent: it goes out again", async () => {
    const server = await serverFor({ faults: [cut({ at: "MAIL", when: "received" })] });
    const transporter = nodemailer.createTransport(transportTo(server));
    const info = await transporter.sendMail(MAIL);
    expect(info.accepted).toEqual(["bob@example.net"]);
    expect(server.connections).toHaveLength(2);
  });

  test("behind a text leaves its recipients unknown, and nothing is sent twice", async () => {
    const server = await serverFor({ faults: [cut({ at: "text" })] });
    const transporter = nodemailer.createTransport(transportTo(server));
    const error = await failed(transporter.sendMail(MAIL));
    expect(error).toMatchObject({ fate: "unknown", retryable: false, unknown: ["bob@example.net"] });
    expect(server.messages).toHaveLength(1);
  });
});

test("a large attachment from a stream arrives octet for octet", async () => {
  const server = await serverFor();
  const transporter = nodemailer.createTransport(transportTo(server));
  const block = Buffer.alloc(65_536, "0123456789abcdef");
  const content = Readable.from(Array.from({ length: 64 }, () => block));
  await transporter.sendMail({ ...MAIL, attachments: [{ filename: "a.bin", content }] });
  const [, base64 = ""] =
    /filename=a\.bin[\s\S]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+?)\r\n--/.exec(server.messages[0]?.text ?? "") ?? [];
  const received = Buffer.from(base64, "base64");
  expect(received.length).toBe(64 * block.length);
  expect(received.equals(Buffer.concat(Array.from({ length: 64 }, () => block)))).toBe(true);
});

test("a message's signal ends its waiting: of what is on the wire nobody knows more by then", async () => {
  const server = await serverFor({ faults: [stall({ at: "DATA" })] });
  const transport = transportTo(server, { maxConnections: 1 });
  const transporter = nodemailer.createTransport(transport);
  const controllers = Array.from({ length: 20 }, () => new AbortController());
  const sending = controllers.map(({ signal }) =>
    failed(transporter.sendMail({ ...MAIL, signal } as typeof MAIL)),
  );
  await server.received("DATA");
  // So many that the last one waits in the pool.
  while (transport.pool.waiting === 0) await new Promise(setImmediate);
  for (const controller of controllers) controller.abort();
  const errors = await Promise.all(sending);
  expect(errors.at(-1)).toMatchObject({
    code: "EABORT",
    name: "AbortError",
    fate: "failed",
    retryable: true,
  });
  expect(errors[0]).toMatchObject({ code: "EABORT", fate: "unknown", unknown: ["bob@example.net"] });
});

test("the pool behind it has its events, for those who watch", async () => {
  const server = await serverFor();
  const transport = transportTo(server);
  const ends: boolean[] = [];
  transport.pool.on("messageEnd", ({ delivery }) => ends.push(delivery.ok));
  await nodemailer.createTransport(transport).sendMail(MAIL);
  expect(ends).toEqual([true]);
});

test.each([
  [{ service: "gmail" }, "options.service is not read: write host, port and secure"],
  [{ proxy: "http://proxy.example" }, "options.proxy is not read: write transporter.setupProxy(url)"],
  [{ dkim: {} }, "options.dkim is nodemailer's own"],
  [{ hots: "mail.example.org" }, "options.hots is unknown"],
  [{ port: "smtp" }, "options.port must be the number of a port"],
])("what means nothing here is refused, with what to write instead: %o", (options, message) => {
  expect(() => pipeliningTransport(options as PipeliningTransportOptions)).toThrow(message);
});
