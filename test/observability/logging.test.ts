import { Writable } from "node:stream";
import pino from "pino";
import { type Message, SmtpSession } from "smtp-pipelining";
import {
  attachLogger,
  type Logger,
  type LoggingOptions,
  type ObservedSession,
} from "smtp-pipelining/logging";
import { describe, expect, test } from "vitest";
import { BYE, type ConversationOptions, conversation, HELLO, message } from "../support/scripted-peer.ts";

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A real pino that writes into memory. */
function makePino(level: string): { readonly logger: pino.Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const stream = new Writable({
    write: (chunk, _, done) => {
      lines.push(JSON.parse(String(chunk)) as Line);
      done();
    },
  });
  const formatters = { level: (label: string) => ({ level: label }), bindings: () => ({}) };
  return { logger: pino({ level, formatters, timestamp: false }, stream), lines };
}

async function logged(
  messages: readonly Message[],
  script: string,
  { level = "debug", wire, ...more }: ConversationOptions & LoggingOptions & { level?: string } = {},
): Promise<Line[]> {
  const { logger, lines } = makePino(level);
  await conversation(messages, script, {
    ...more,
    run: (caller) => {
      attachLogger(caller.session, logger, { wire });
      return Promise.all(messages.map((each) => caller.send(each)));
    },
  });
  return lines;
}

const SCRIPT = `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<gone@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 5.1.1 no such user
    S: 354 go
    C: Text 1
    C: .
    S: 250 2.0.0 stored
    ${BYE}`;
const MESSAGES = [message(1, { to: ["b1@example.net", "gone@example.net"] })];

describe("a session's log", () => {
  test("tells of the connection, each failed recipient, each message, each group and the end", async () => {
    const lines = await logged(MESSAGES, SCRIPT);
    const sessionId = expect.stringMatching(/^[0-9a-f]{12}$/);
    const server = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    const durationMs = expect.any(Number);
    const group = { level: "debug", msg: "group answered", sessionId, durationMs };
    expect(lines).toEqual([
      { level: "debug", msg: expect.stringMatching(/^connecting to 127/), sessionId, server },
      { level: "debug", msg: "connected", sessionId, server, remoteAddress: "127.0.0.1" },
      { ...group, groupId: 1, commands: 1, replies: 1, refused: 0, bytesSent: 0 },
      {
        level: "info",
        msg: "ready",
        sessionId,
        server,
        secure: false,
        authenticated: false,
        capabilities: ["PIPELINING"],
      },
      {
        ...group,
        groupId: 2,
        commands: 1,
        replies: 1,
        refused: 0,
        bytesSent: "EHLO client.example\r\n".length,
      },
      {
        level: "warn",
        msg: "recipient failed",
        sessionId,
        messageId: "m1",
        recipient: "gone@example.net",
        stage: "rcpt",
        retryable: false,
        code: 550,
        enhanced: "5.1.1",
        reply: "5.1.1 no such user",
      },
      { ...group, groupId: 3, commands: 4, replies: 4, refused: 1, bytesSent: expect.any(Number) },
      {
        level: "warn",
        msg: "message delivered to 1 of 2",
        sessionId,
        messageId: "m1",
        from: "a1@example.org",
        succeeded: 1,
        failed: 1,
        unknown: 0,
        code: 250,
        enhanced: "2.0.0",
        reply: "2.0.0 stored",
        durationMs,
        waitMs: expect.any(Number),
        bytes: "Text 1\r\n.\r\n".length,
      },
      { ...group, groupId: 4, commands: 1, replies: 1, refused: 0, bytesSent: "Text 1\r\n.\r\n".length },
      { ...group, groupId: 5, commands: 1, replies: 1, refused: 0, bytesSent: "QUIT\r\n".length },
      { level: "info", msg: "closed", sessionId, reason: "quit" },
    ]);
  });

  test("is short at the level info", async () => {
    const lines = await logged(MESSAGES, SCRIPT, { level: "info" });
    expect(lines.map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
      "info: ready",
      "warn: recipient failed",
      "warn: message delivered to 1 of 2",
      "info: closed",
    ]);
  });

  test("of a connection that is lost says what is unknown, and why", async () => {
    const lines = await logged(
      [message(1)],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      -- close`,
      { level: "info" },
    );
    expect(lines.map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
      "info: ready",
      expect.stringMatching(/^error: The connection was lost/),
      "error: recipient unknown: it may have been delivered",
      "warn: message delivered to 0 of 1",
      "warn: closed",
    ]);
    for (const line of lines.slice(1, 4)) {
      expect(line["err"]).toMatchObject({ type: "SmtpError", code: "ESMTP_CONNECTION_LOST" });
    }
    expect(lines.at(-1)?.["reason"]).toBe("server");
  });
});

describe("with wire", () => {
  test("the conversation is logged line by line, without texts", async () => {
    const lines = await logged(MESSAGES, SCRIPT, { wire: true });
    const wire = lines.filter(({ msg }) => /^[CS]: /.test(msg));
    expect(wire.map(({ msg }) => msg)).toEqual([
      "S: 220 peer.example ESMTP",
      "C: EHLO client.example",
      "S: 250-peer.example",
      "S: 250 PIPELINING",
      "C: MAIL FROM:<a1@example.org>",
      "C: RCPT TO:<b1@example.net>",
      "C: RCPT TO:<gone@example.net>",
      "C: DATA",
      "S: 250 ok",
      "S: 250 ok",
      "S: 550 5.1.1 no such user",
      "S: 354 go",
      "C: .",
      "S: 250 2.0.0 stored",
      "C: QUIT",
      "S: 221 bye",
    ]);
    expect(wire.find(({ msg }) => msg === "C: DATA")).toMatchObject({
      level: "debug",
      groupId: 3,
      messageId: "m1",
    });
  });

  test("a server can't forge lines with control characters", async () => {
    // A carriage return, an escape sequence; in UTF-8 the line separator U+2028 and, which turn text around, U+202E and U+061C.
    const script = SCRIPT.replace(
      "S: 250 2.0.0 stored",
      "S> 250 ok<CR>S: 250 forged \u001b[2J\u00e2\u0080\u00a8\u00e2\u0080\u00ae\u00d8\u009c<CR><LF>",
    );
    const lines = await logged(MESSAGES, script, { wire: true });
    expect(lines.map(({ msg }) => msg)).toContain(
      "S: 250 ok\\x0dS: 250 forged \\x1b[2J\\u2028\\u202e\\u061c",
    );
  });
});

/** A logger by hand. */
function recording(enabled: (level: string) => boolean = () => true): Logger & { readonly told: string[] } {
  const told: string[] = [];
  const tell = (level: string) => (_: object, text: string) => {
    told.push(`${level}: ${text}`);
  };
  return {
    told,
    debug: tell("debug"),
    info: tell("info"),
    warn: tell("warn"),
    error: tell("error"),
    isLevelEnabled: enabled,
  };
}

describe("a logger", () => {
  test("whose level is off is not called, and no fields are made", async () => {
    const logger = recording((level) => level === "error");
    await conversation(MESSAGES, SCRIPT, {
      run: ({ session, send }) => {
        attachLogger(session, logger, { wire: true });
        return Promise.all(MESSAGES.map(send));
      },
    });
    expect(logger.told).toEqual([]);
  });

  test("that throws disturbs neither the session nor another logger, and is warned of once an event", async () => {
    const broken = recording();
    broken.info = () => {
      throw new Error("the disk is full");
    };
    broken.warn = broken.info;
    const sound = recording((level) => level !== "debug");
    const { fates } = await conversation(MESSAGES, SCRIPT, {
      run: ({ session, send }) => {
        attachLogger(session, broken);
        attachLogger(session, sound);
        return Promise.all(MESSAGES.map(send));
      },
    });
    expect(fates).toEqual(["b1 succeeded 250", "gone failed rcpt 550"]);
    expect(sound.told.filter((line) => !line.includes("A listener of"))).toEqual([
      "info: ready",
      "warn: recipient failed",
      "warn: message delivered to 1 of 2",
      "info: closed",
    ]);
    const warned = sound.told.filter((line) => line.includes("A listener of"));
    expect(warned).toEqual(
      ["ready", "recipientFailed", "messageEnd"].map(
        (event) => `warn: A listener of "${event}" failed: the disk is full`,
      ),
    );
  });

  test("whose promises reject disturbs nothing, and is warned of", async () => {
    const broken = recording();
    broken.info = broken.debug = () => Promise.reject(new Error("the disk is full"));
    const { fates, warnings } = await conversation(MESSAGES, SCRIPT, {
      run: ({ session, send }) => {
        attachLogger(session, broken, { wire: true });
        return Promise.all(MESSAGES.map(send));
      },
    });
    expect(fates).toEqual(["b1 succeeded 250", "gone failed rcpt 550"]);
    expect(new Set(warnings)).toEqual(new Set(["ESMTP_LISTENER_FAILED"]));
    expect(broken.told.filter((line) => line.includes('"reply"')).length, "once a reply").toBe(8);
  });

  test("is asked for its level at each line", async () => {
    const { logger, lines } = makePino("silent");
    await conversation(MESSAGES, SCRIPT, {
      run: ({ session, send }) => {
        attachLogger(session, logger);
        session.once("messageStart", () => {
          logger.level = "info";
        });
        return Promise.all(MESSAGES.map(send));
      },
    });
    expect(lines.map(({ msg }) => msg)).toEqual([
      "recipient failed",
      "message delivered to 1 of 2",
      "closed",
    ]);
  });

  test("and another on one session log the same, each for itself; one can be detached alone", async () => {
    const first = makePino("info");
    const second = makePino("info");
    await conversation(MESSAGES, SCRIPT, {
      run: ({ session, send }) => {
        const detach = attachLogger(session, first.logger);
        attachLogger(session, second.logger);
        session.once("messageEnd", detach);
        return Promise.all(MESSAGES.map(send));
      },
    });
    const all = ["ready", "recipient failed", "message delivered to 1 of 2", "closed"];
    expect(first.lines.map(({ msg }) => msg)).toEqual(all.slice(0, 3));
    expect(second.lines.map(({ msg }) => msg)).toEqual(all);
  });

  test("that is detached hears nothing more", async () => {
    const logger = recording();
    await conversation([], `${HELLO}\n${BYE}`, {
      run: async ({ session }) => {
        const detach = attachLogger(session, logger, { wire: true });
        await session.connect();
        detach();
        logger.told.length = 0;
      },
    });
    expect(logger.told).toEqual([]);
  });

  test("needs the lines of the conversation only with wire", () => {
    const session = new SmtpSession({ host: "peer.example" });
    attachLogger(session, recording());
    expect([session.listenerCount("sent"), session.listenerCount("reply")]).toEqual([0, 0]);
    attachLogger(session, recording(), { wire: true });
    expect([session.listenerCount("sent"), session.listenerCount("reply")]).toEqual([1, 1]);
  });
});

/** Something that is observed, made by hand: emits what it is told to, without a guard. */
class Target {
  readonly #listeners = new Map<string, Set<(event: object) => void>>();
  sessions: Iterable<ObservedSession> = [];

  on(name: string, listener: (event: never) => void): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener as (event: object) => void));
  }

  off(name: string, listener: (event: never) => void): void {
    this.#listeners.get(name)?.delete(listener as (event: object) => void);
  }

  emit(name: string, event: object): void {
    for (const listener of this.#listeners.get(name) ?? []) listener({ time: 0, ...event });
  }

  get count(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

const OBSERVED: ObservedSession = {
  id: "one",
  host: "one.example",
  port: 25,
  state: "ready",
  remoteAddress: undefined,
  pending: 0,
  repliesOwed: 0,
};

describe("what is attached", () => {
  test("to many sessions goes on when one of them closes, and says which is which", () => {
    const pool = new Target();
    pool.sessions = [OBSERVED, { ...OBSERVED, id: "two", host: "two.example", port: 587 }];
    const { logger, lines } = makePino("info");
    const detach = attachLogger(pool, logger);
    const ready = { secure: false, verified: false, authenticated: false, capabilities: new Map() };
    pool.emit("ready", { sessionId: "two", ...ready });
    pool.emit("close", { sessionId: "one", reason: "timeout" });
    pool.emit("close", { sessionId: "two", reason: "aborted" });
    expect(
      lines.map(({ level, msg, sessionId, server, reason }) => [level, msg, sessionId, server ?? reason]),
    ).toEqual([
      ["info", "ready", "two", "two.example:587"],
      ["warn", "closed", "one", "timeout"],
      ["info", "closed", "two", "aborted"],
    ]);
    expect(pool.count).toBeGreaterThan(0);
    detach();
    expect(pool.count).toBe(0);
  });

  test("to one session ends with it, even if the logger fails at that", () => {
    const session = Object.assign(new Target(), OBSERVED);
    session.sessions = [session];
    const broken = recording();
    broken.info = () => {
      throw new Error("the disk is full");
    };
    attachLogger(session, broken, { wire: true });
    expect(() => session.emit("close", { sessionId: "one", reason: "quit" })).toThrow("the disk is full");
    expect(session.count).toBe(0);
  });
});

test.each([
  [
    "a logger whose isLevelEnabled is none",
    [{ ...recording(), isLevelEnabled: true }],
    /logger\.isLevelEnabled/,
  ],
  ["options that are none", [recording(), null], /^options must be an object/],
  ["a logger without methods", [{}], /logger must have.*debug/],
  ["no logger", [undefined], /logger must have/],
  ["wire", [recording(), { wire: "yes" }], /options\.wire/],
])("arguments of the wrong shape are refused by name: %s", (_, args, text) => {
  const session = new SmtpSession({ host: "peer.example" });
  expect(() => attachLogger(session, ...(args as [never, never]))).toThrow(text);
  expect(session.listenerCount("ready")).toBe(0);
});
