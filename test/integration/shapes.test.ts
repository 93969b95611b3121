import { Readable } from "node:stream";
import {
  type Limits,
  type Message,
  type SessionOptions,
  SmtpSession,
  type Timeouts,
  type Window,
  type Xclient,
} from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { startTestServer } from "../support/embedded-server.ts";

/** Options of later versions. */
const NUMBERS = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "10", null, {}];
const TIMES = [...NUMBERS, 2_147_483_648];
const TIMEOUTS: Record<keyof Timeouts, unknown[]> = {
  connect: TIMES,
  tls: TIMES,
  greeting: TIMES,
  command: TIMES,
  mail: TIMES,
  rcpt: TIMES,
  data: TIMES,
  text: TIMES,
  message: TIMES,
  followOn: TIMES,
  probe: TIMES,
  closing: TIMES,
};
const LIMITS: Record<keyof Limits, unknown[]> = {
  replyLine: [...NUMBERS, 63],
  replyLines: [...NUMBERS, 7],
  groupCommands: NUMBERS,
  strictAbove: NUMBERS.slice(1),
};
const WINDOW: Record<keyof Window, unknown[]> = { messages: NUMBERS, bytes: NUMBERS };

/** The wrong values of every option; sub-options have tables of their own. */
const OPTIONS: Record<keyof SessionOptions, unknown[]> = {
  host: ["", " ", "a b", "a/b", "a@b", "[::1]", "a\r\nb", "a\0b", 5, null, {}, ["a"]],
  port: [...NUMBERS, 65_536, true],
  name: ["", "a b", "a\r\nRSET", "a_b.-x-", "[1.2.3.4", "é.example", "x".repeat(256), 5, null],
  localAddress: ["", "a b", "a\nb", 5, null],
  connectSocket: ["tcp", {}, null, true],
  protocol: ["LMTP", "SMTP", "esmtp", "", true, null],
  socketPath: ["", "lmtp.sock", "./lmtp.sock", "/run/a\0b", "/run/a\nb", 5, null, {}],
  tls: ["on", "REQUIRED", "starttls", "", true, false, null, {}],
  tlsOptions: ["x", [], null, true],
  auth: [{}, null, "user:pass", true, { user: "u" }, { user: "u", pass: "p", accessToken: "t" }],
  pipelining: ["on", "AUTO", "", true, false, null],
  chunking: ["bursts", true, false, null],
  window: [5, "x", null, [], () => undefined],
  timeouts: [5, "x", null, []],
  keepAlive: TIMES,
  limits: [5, "x", null, []],
  lineEndings: ["crlf", "", true, null],
  journal: [{}, { attach: true }, "outbox", null, true],
  peers: [{}, { get: () => undefined }, { set: () => undefined }, new Set(), null, true],
  allowInsecureAuth: ["no", null, 1],
  xclient: [5, "x", null, []],
  signal: [{}, { aborted: false }, null, true, new AbortController(), Object.create(AbortSignal.prototype)],
};

/** Names of options that are none. */
const UNKNOWN = ["hosts", "Host", "secure", "ignoreTLS", "toString", "constructor", "strict"];

/** Credentials beside those that fit. */
const AUTH: Record<string, unknown[]> = {
  user: ["", "u\0", "u\r\n", 5, null, undefined],
  pass: ["", "p\x7f", 5, null],
  mechanisms: [[], ["plain"], "PLAIN", null, 5],
  password: ["p"],
  accessToken: [],
};

const XCLIENT: Record<keyof Xclient, unknown[]> = {
  name: ["", "é", 5, null],
  addr: ["a\nb"],
  port: [25],
  proto: [""],
  helo: ["x".repeat(256)],
  login: ["a\r\nb"],
  destaddr: [{}],
  destport: [""],
};

const PREFIXED: [string, Record<string, unknown[]>, (name: string, value: unknown) => unknown][] = [
  ["options", OPTIONS, (name, value) => ({ host: "mx.example", [name]: value })],
  ["window", WINDOW, (name, value) => ({ host: "mx.example", window: { [name]: value } })],
  ["timeouts", TIMEOUTS, (name, value) => ({ host: "mx.example", timeouts: { [name]: value } })],
  ["auth", AUTH, (name, value) => ({ host: "mx.example", auth: { user: "u", pass: "p", [name]: value } })],
  ["xclient", XCLIENT, (name, value) => ({ host: "mx.example", xclient: { [name]: value } })],
  ["limits", LIMITS, (name, value) => ({ host: "mx.example", limits: { [name]: value } })],
];

function shown(value: unknown): string {
  if (typeof value === "number" || value instanceof AbortController) return String(value);
  return typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value)).slice(0, 40);
}

const WRONG_OPTIONS = PREFIXED.flatMap(([prefix, table, make]) => [
  ...Object.entries(table).flatMap(([name, values]) =>
    values.map((value) => [`${prefix}.${name}`, shown(value), make(name, value)] as const),
  ),
  ...UNKNOWN.map((name) => [`${prefix}.${name}`, "1", make(name, 1)] as const),
]);

class Configured {
  host = "mx.example";
  get tls(): string {
    return "sometimes";
  }
}

describe("an option that is wrong", () => {
  test.each(WRONG_OPTIONS)("%s: %s is a TypeError that names it", (name, _value, options) => {
    const construct = () => new SmtpSession(options as SessionOptions);
    expect(construct).toThrow(TypeError);
    expect(construct).toThrow(new RegExp(`^${name.replace(".", "\\.")} (must|is) `));
  });

  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a number", 5],
    ["an array", []],
    ["no host", {}],
    ["an empty string", ""],
    ["a host name", "mx.example"],
    ["another scheme", "http://mx.example"],
    ["a path", "smtp://mx.example/path"],
    ["a query", "smtp://mx.example?tls=off"],
    ["a fragment", "smtp://mx.example#x"],
    ["a port beyond all ports", "smtp://mx.example:65536"],
    ["no host in a URL", "smtp://"],
  ])("%s instead of options is a TypeError, and a rejection of connect", async (_, options) => {
    expect(() => new SmtpSession(options as never)).toThrow(TypeError);
    await expect(SmtpSession.connect(options as never)).rejects.toThrow(/^options/);
  });

  test.each([
    ["inherited", Object.create({ host: "mx.example", tls: "sometimes" })],
    ["of a class's getter", new Configured()],
  ])("is seen if it is %s", (_, options) => {
    expect(() => new SmtpSession(options)).toThrow(/^options.tls must be one of/);
  });

  test.each<[string, unknown]>([
    ["a URL with a path", "smtp://user:s3cret@mx.example/path"],
    ["a URL of another kind", "http://user:s3cret@mx.example"],
    ["what is no URL", "user:s3cret@mx.example"],
    ["a URL wrongly encoded", "smtp://user:s3cret%zz@mx.example"],
    ["a URL with an unfit password", "smtp://user:s3cret%0d@mx.example"],
    ["a URL without a user", "smtp://:s3cret@mx.example"],
    ["no user", { host: "mx.example", auth: { pass: "s3cret" } }],
    ["a control character", { host: "mx.example", auth: { user: "u", pass: "s3cret\n" } }],
    ["a misspelt field", { host: "mx.example", auth: { user: "u", pass: "s3cret", mechanism: "s3cret" } }],
    ["a text", { host: "mx.example", auth: "s3cret" }],
    ["another wrong option", { host: "mx.example", auth: { user: "u", pass: "s3cret" }, port: "s3" }],
  ])("is not told with its secrets: %s", (_, options) => {
    const message = thrown(() => new SmtpSession(options as SessionOptions));
    expect(message).toMatch(/^(?:options|auth)/);
    expect(message).not.toContain("s3cret");
  });

  test("has its right values taken, and undefined means absent", () => {
    const all: Record<keyof SessionOptions, unknown> = {
      host: "::1",
      port: 65_535,
      name: "[192.0.2.1]",
      localAddress: "127.0.0.1",
      connectSocket: () => Promise.reject(new Error("unused")),
      socketPath: undefined,
      protocol: "smtp",
      tls: "required",
      tlsOptions: { minVersion: "TLSv1.3" },
      auth: { user: "u", accessToken: "t", mechanisms: ["XOAUTH2"] },
      pipelining: "transaction",
      chunking: "off",
      window: { messages: 1, bytes: undefined },
      timeouts: { connect: 1, closing: 2_147_483_647 },
      keepAlive: 1,
      limits: { replyLine: 64, replyLines: 8, groupCommands: 1 },
      lineEndings: "reject",
      peers: new Map(),
      journal: { attach: () => async () => undefined },
      allowInsecureAuth: true,
      xclient: { name: "client.example", addr: "192.0.2.1" },
      signal: new AbortController().signal,
    };
    expect(new SmtpSession(all as SessionOptions).state).toBe("idle");
    const absent = Object.fromEntries(Object.keys(all).map((name) => [name, undefined]));
    expect(new SmtpSession({ ...absent, host: "mx.example" }).state).toBe("idle");
    expect(new SmtpSession("smtp://[::1]:2525").state).toBe("idle");
    expect(new SmtpSession("smtps://mx.example").port).toBe(465);
    expect(new SmtpSession("smtps://mx.example:8465").port).toBe(8_465);
    expect(new SmtpSession({ host: "mx.example", tls: "implicit" }).port).toBe(465);
    expect(new SmtpSession({ host: "mx.example", tls: "required" }).port).toBe(25);
    const auth = { user: "u", pass: "p" };
    expect(new SmtpSession({ host: "mx.example", auth }).port).toBe(587);
    expect(new SmtpSession({ host: "mx.example", auth, tls: "implicit" }).port).toBe(465);
    expect(new SmtpSession({ host: "mx.example", auth: () => auth, port: 25 }).port).toBe(25);
    expect(new SmtpSession("smtp://a%40b:p%20q@mx.example").port).toBe(587);
    expect(new SmtpSession("smtps://user:pass@mx.example").port).toBe(465);
  });
});

const GOOD = { from: "from@example.org", to: "to@example.net", data: "A: b\r\n" };

const FIELDS: Record<keyof Message, unknown[]> = {
  from: [undefined, null, 5, {}, ["from@example.org"]],
  to: [
    undefined,
    null,
    5,
    [],
    [5],
    [null],
    {},
    [{}],
    [{ address: 5 }],
    { address: null },
    [["a@example.net"]],
    Object.assign([], { length: 2 }), // holes, and no recipient
    Object.assign([], { 1: "a@example.net" }), // a hole before one
  ],
  data: [undefined, null, 5, {}, true, ["a"], new URL("file:///etc/passwd"), new ArrayBuffer(1)],
  id: [null, 5, "", "a\nb", "a\0", {}],
  tag: [],
  size: [-1, 1.5, "5", null, Number.NaN, Number.POSITIVE_INFINITY],
  body: ["binarymime", "8bitmime", "8BIT", "", true, null],
  requireAllRecipients: ["yes", 1, null],
  signal: [{}, null, true, new AbortController(), Object.create(AbortSignal.prototype)],
  smtputf8: ["yes", 1, null],
  dsn: [null, false, [], "FULL"],
  requireTls: ["required", 1, null],
  deliverBy: [60, null, [], "60;R", {}, { seconds: 60 }, { mode: "R" }],
  mtPriority: ["3", null, {}, true],
  holdFor: ["60", null, {}],
  holdUntil: [1_900_000_000_000, null, {}, true],
};

const WRONG_MESSAGES: (readonly [string, string, unknown])[] = [
  ...Object.entries(FIELDS).flatMap(([name, values]) =>
    values.map((value) => [`message.${name}`, shown(value), { ...GOOD, [name]: value }] as const),
  ),
  ...["html", "subject", "From", "toString", "text", "attachments"].map(
    (name) => [`message.${name}`, '"x"', { ...GOOD, [name]: "x" }] as const,
  ),
  ...[
    "never",
    [],
    ["NEVER"],
    ["SUCCESS", "SUCCESS"],
    ["FAILURE", 5],
    "SUCCESS",
    true,
    Object.assign([], { length: 1 }),
  ].map(
    (notify) =>
      ["message.to.notify", shown(notify), { ...GOOD, to: { address: "a@example.net", notify } }] as const,
  ),
  ["message.to[1].orcpt", "5", { ...GOOD, to: ["a@example.net", { address: "b@example.net", orcpt: 5 }] }],
  ["message.dsn.ret", "full", { ...GOOD, dsn: { ret: "full" } }],
  ["message.dsn.envid", "5", { ...GOOD, dsn: { envid: 5 } }],
  ["message.dsn.notify", "NEVER", { ...GOOD, dsn: { notify: "NEVER" } }],
  ["message.deliverBy.seconds", "60", { ...GOOD, deliverBy: { seconds: "60", mode: "R" } }],
  ["message.deliverBy.mode", "r", { ...GOOD, deliverBy: { seconds: 60, mode: "r" } }],
  ["message.deliverBy.trace", "1", { ...GOOD, deliverBy: { seconds: 60, mode: "R", trace: 1 } }],
  ["message.to[0].name", "x", { ...GOOD, to: [{ address: "b@example.net", name: "x" }] }],
  ["message", "undefined", undefined],
  ["message", "null", null],
  ["message", "a string", "hello"],
  ["message", "an array", [GOOD]],
];

test("a message of the wrong shape is a rejection with a TypeError that names the field, and nothing else", async () => {
  const server = await startTestServer();
  const session = server.session();
  let queued = 0;
  session.on("messageQueued", () => {
    queued++;
  });
  for (const [name, value, given] of WRONG_MESSAGES) {
    const cause: unknown = await session.pipeline(given as Message).then(
      () => "it was taken",
      (error) => error,
    );
    expect(cause, `${name}: ${value}`).toBeInstanceOf(TypeError);
    expect((cause as TypeError).message.startsWith(name), `${name}: ${value}: ${cause}`).toBe(true);
  }
  expect({ queued, pending: session.pending, state: session.state }).toEqual({
    queued: 0,
    pending: 0,
    state: "idle",
  });

  expect((await session.pipeline(GOOD)).ok).toBe(true);
  await session.quit();
  expect(server.lines().filter((line) => line.startsWith("MAIL")).length).toBe(1);
});

test("the fields of a message and of the options count if they are inherited too", async () => {
  const server = await startTestServer();
  const { host, port } = server;
  const session = new SmtpSession(
    Object.create({ host, port, name: "inherited.example", window: Object.create({ messages: 1 }) }),
  );
  const tag = {};
  const given: Message<object> = Object.create({ ...GOOD, to: Object.create({ address: GOOD.to }), tag });
  const log: string[] = [];
  const sent = session.pipeline(given);
  const settled = sent.then(() => log.push("settled"));
  await Promise.all([settled, session.ready().then(() => log.push("room"))]);
  expect(log).toEqual(["settled", "room"]);
  expect((await sent).tag).toBe(tag);
  for (const wrong of [{ to: [] }, { from: 5 }, { signal: {} }, { dsn: [] }, { data: 5 }]) {
    await expect(session.pipeline(Object.create({ ...GOOD, ...wrong }))).rejects.toThrow(
      new RegExp(`^message.${Object.keys(wrong)[0]} `),
    );
  }
  await session.quit();
  expect(server.lines()[0]).toBe("EHLO inherited.example");
  expect(server.arrivals.map(({ text }) => text.toString())).toEqual([GOOD.data]);
});

/** A value that is another from the second time on that it is read, or the third. */
function changing(times: number, first: unknown, then: unknown): PropertyDescriptor {
  let read = 0;
  return { get: () => (read++ < times ? first : then), enumerable: true };
}

test.each([1, 2, 3])(
  "fields that change when they have been read %i times count as first read",
  async (times) => {
    const server = await startTestServer();
    const session = server.session();
    const address = Object.defineProperty({}, "address", changing(times, "to@example.net", 5));
    const given = Object.defineProperties(
      {},
      {
        from: changing(times, "from@example.org", 5),
        to: changing(times, [address], 5),
        data: changing(times, "A: b\r\n", 5),
        signal: changing(times, new AbortController().signal, {}),
        tag: changing(times, "first", "then"),
      },
    );
    const { ok, tag, recipients } = await session.pipeline(given as Message);
    expect({ ok, tag, to: recipients.map((recipient) => recipient.address) }).toEqual({
      ok: true,
      tag: "first",
      to: ["to@example.net"],
    });
    await session.quit();
  },
);

test.each(["from", "to", "data", "tag", "signal"])(
  "a getter of %s that throws is a TypeError",
  async (field) => {
    const server = await startTestServer();
    const session = server.session();
    const cause = new Error("not now");
    const get = () => {
      throw cause;
    };
    const given = Object.defineProperty({ ...GOOD }, field, { get, enumerable: true });
    const error = await session.pipeline(given).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: `message.${field} can't be read: not now`, cause });
    expect(session.pending).toBe(0);
    await session.quit();
  },
);

/** A signal that says so, and can't be listened to. */
function deafSignal(): AbortSignal {
  return Object.defineProperty(new AbortController().signal, "addEventListener", {
    value: () => {
      throw new TypeError("deaf");
    },
  });
}

test("what throws when a message is queued leaves nothing open: quit() and flush() fulfil", async () => {
  const server = await startTestServer();
  const session = server.session();
  const torn = Object.defineProperty(Readable.from(["x"]), "errored", {
    get: () => {
      throw new TypeError("torn");
    },
  });
  await expect(session.pipeline({ ...GOOD, signal: deafSignal() })).rejects.toThrow("deaf");
  await expect(session.pipeline({ ...GOOD, data: torn })).rejects.toThrow("torn");
  expect(session.pending).toBe(0);
  expect((await session.pipeline(GOOD)).ok).toBe(true);
  expect(await session.flush()).toMatchObject({ ok: true, messages: 1 });
  await session.quit();
});

describe("a signal that is none", () => {
  test.each<[string, unknown]>([
    ["a string", "x"],
    ["an object", {}],
    ["null", null],
    ["a controller", new AbortController()],
    ["of its shape only", Object.create(AbortSignal.prototype)],
  ])("(%s) is a TypeError of connect, ready and deliver, and nothing happens", async (_, signal) => {
    const server = await startTestServer();
    const session = server.session({ window: { messages: 1 } });
    const options = { signal } as { signal: AbortSignal };
    const fault = /^options.signal must be an AbortSignal/;
    await expect(session.connect(options)).rejects.toThrow(fault);
    await expect(session.ready(options)).rejects.toThrow(fault);
    expect(() => session.deliver([GOOD], options)).toThrow(fault);
    expect(session.state).toBe("idle");

    const sent = session.pipeline(GOOD);
    await expect(session.ready(options)).rejects.toThrow(fault); // also where it would wait
    expect((await sent).ok).toBe(true);
    await session.quit();
  });

  test("nor are null and an unknown option taken", async () => {
    const session = new SmtpSession({ host: "mx.example" });
    await expect(session.connect(null as never)).rejects.toThrow(/^options must be an object/);
    await expect(session.ready({ timeout: 5 } as never)).rejects.toThrow(/^options.timeout is unknown/);
    expect(session.state).toBe("idle");
  });
});

test.each([undefined, null, 5, {}])("supports(%s) is a TypeError", (keyword) => {
  const session = new SmtpSession({ host: "mx.example" });
  expect(() => session.supports(keyword as never)).toThrow(
    new TypeError(
      `supports: the keyword must be a string, not ${keyword instanceof Object ? "an instance of Object" : keyword}`,
    ),
  );
});

/** Addresses that are none; each holds a word that must not reach the server. */
const BAD_ADDRESSES = [
  "",
  " ",
  "mark",
  "mark@",
  "@mark.example",
  "mark@x@",
  "mark@example.net\r\nRSET",
  "mark@example.net>\r\nDATA\r\n",
  "mark\r\n@example.net",
  "mark\n@example.net",
  "mark\0@example.net",
  "mark\x7f@example.net",
  "mark\x85@example.net",
  '"mark\r\nDATA"@example.net',
  '"mark@example.net',
  "mark@example.net> NOTIFY=NEVER",
  "<mark@example.net>",
  "Mark <mark@example.net>",
  "mark @example.net",
  "mark@ example.net",
  "mark@example..net",
  ".mark@example.net",
  "mark.@example.net",
  "ma..mark@example.net",
  "mark@-example.net",
  "mark@[127.0.0.1",
  `mark${"x".repeat(64)}@example.net`,
  `mark@${"x".repeat(64)}.net`,
  `mark@${"abc.".repeat(64)}net`,
  "mark\ud800@example.net",
];

describe("a bad address", () => {
  test("among the recipients costs only itself, and nothing of it is sent", async () => {
    const server = await startTestServer();
    const session = server.session();
    const deliveries = await Promise.all(
      BAD_ADDRESSES.map((bad, n) =>
        session.pipeline({
          from: "from@example.org",
          to: [`a${n}@example.net`, bad, { address: bad }, `b${n}@example.net`],
          data: `N: ${n}\r\n`,
        }),
      ),
    );
    await session.quit();

    for (const [n, bad] of BAD_ADDRESSES.entries()) {
      const invalid = {
        address: bad,
        status: "failed",
        stage: "invalid",
        retryable: false,
        error: { name: "SmtpError", code: "ESMTP_INVALID_ADDRESS" },
      };
      expect(deliveries[n]?.recipients, JSON.stringify(bad)).toMatchObject([
        { address: `a${n}@example.net`, status: "succeeded" },
        invalid,
        invalid,
        { address: `b${n}@example.net`, status: "succeeded" },
      ]);
    }
    expect(server.received()).not.toMatch(/mark/i);
    expect(server.lines().filter((line) => line.startsWith("RCPT"))).toEqual(
      BAD_ADDRESSES.flatMap((_, n) => [`RCPT TO:<a${n}@example.net>`, `RCPT TO:<b${n}@example.net>`]),
    );
    expect(server.arrivals.length).toBe(BAD_ADDRESSES.length);
  });

  test("as the sender costs its message, and nothing of it is sent", async () => {
    const server = await startTestServer();
    const session = server.session();
    const senders = BAD_ADDRESSES.filter((bad) => bad !== ""); // that is the null reverse-path
    const deliveries = await Promise.all(
      senders.flatMap((bad, n) => [
        session.pipeline({
          ...GOOD,
          from: bad,
          to: ["mark1@example.net", "mark2@example.net"],
          data: "mark",
        }),
        session.pipeline({ ...GOOD, data: `N: ${n}\r\n` }),
      ]),
    );
    await session.quit();

    for (const [n, { ok, failed, error }] of deliveries.entries()) {
      expect(ok).toBe(n % 2 === 1);
      if (ok) continue;
      expect(error).toMatchObject({ code: "ESMTP_INVALID_ADDRESS", retryable: false });
      expect(failed).toMatchObject([
        { address: "mark1@example.net", stage: "invalid", retryable: false },
        { address: "mark2@example.net", stage: "invalid", retryable: false },
      ]);
    }
    expect(server.received()).not.toMatch(/mark/i);
    expect(server.arrivals.length).toBe(senders.length);
  });

  test("alone needs no connection", async () => {
    const server = await startTestServer();
    const session = server.session();
    const delivery = await session.pipeline({ ...GOOD, to: "mark" });
    expect(delivery.failed).toMatchObject([{ stage: "invalid" }]);
    await session.quit();
    expect(server.received()).toBe("");
  });
});

test.each<[string, Partial<Message>, SessionOptions]>([
  ["a size that the text does not have", { size: 5, data: "mark\r\n".repeat(9) }, {}],
  ["7BIT for 8-bit text", { body: "7BIT", data: "mark: é\r\n" }, {}],
  ["a bare LF where they are refused", { data: "mark\nmark\r\n" }, { lineEndings: "reject" }],
  ["a bare CR where they are refused", { data: "mark\rmark\r\n" }, { lineEndings: "reject" }],
  ["a bare CR at the end where they are refused", { data: "mark\r" }, { lineEndings: "reject" }],
])("%s costs its message, and nothing of it is sent", async (_, parameter, options) => {
  const server = await startTestServer();
  const session = server.session(options);
  const [before, bad, after] = await Promise.all([
    session.pipeline(GOOD),
    session.pipeline({ ...GOOD, to: ["mark1@example.net", "mark2@example.net"], ...parameter }),
    session.pipeline(GOOD),
  ]);
  await session.quit();

  expect([before.ok, after.ok]).toEqual([true, true]);
  expect(bad.failed).toMatchObject([
    { stage: "invalid", retryable: false, error: { code: "ESMTP_INVALID_PARAMETER" } },
    { stage: "invalid", retryable: false, error: { code: "ESMTP_INVALID_PARAMETER" } },
  ]);
  expect(server.received()).not.toMatch(/mark/);
});

test.each([
  ["verify", ["", "a\r\nRSET", "é", "x".repeat(600), 5]],
  ["expand", ["", "a\nb"]],
  ["help", ["", "a\0"]],
  ["etrn", ["", "a\rb", undefined]],
  [
    "command",
    ["", "XFOO\r\nRSET", "MAIL FROM:<a@b>", "rcpt TO:<a@b>", "DATA", "QUIT", "STARTTLS", "AUTH PLAIN", 5],
  ],
] as const)("%s() rejects an unfit argument with a TypeError and sends nothing", async (method, unfit) => {
  const server = await startTestServer();
  const session = server.session();
  for (const argument of unfit) {
    const call = session[method] as (argument: unknown) => Promise<unknown>;
    await expect(call.call(session, argument), String(argument)).rejects.toThrow(TypeError);
  }
  expect((await session.noop()).code).toBe(250);
  await session.quit();
  expect(server.lines()).toEqual(["EHLO client.example", "NOOP", "QUIT"]);
});

function thrown(use: () => unknown): string {
  try {
    use();
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  }
  return "nothing was thrown";
}
