import * as prometheus from "prom-client";
import { type Message, SmtpSession } from "smtp-pipelining";
import { attachMetrics, type MetricsOptions } from "smtp-pipelining/metrics";
import { describe, expect, test } from "vitest";
import { BYE, type Caller, closed, conversation, HELLO, hello, message } from "../support/scripted-peer.ts";

/** The samples of a register: `name{label="value",…}` with the prefix left out, by labels in the order of the register. */
async function scrape(register: {
  metrics(): Promise<string>;
}): Promise<(sample: string) => number | undefined> {
  const samples = new Map<string, number>();
  for (const line of (await register.metrics()).split("\n")) {
    const [, name, value] = /^(?:smtp_client_)?(\S+) (\S+)/.exec(line) ?? [];
    if (name !== undefined && !line.startsWith("#")) samples.set(name, Number(value));
  }
  return (sample) => samples.get(sample);
}

/** Holds a conversation with metrics attached. */
async function measured(
  messages: readonly Message[],
  script: string,
  more: Partial<MetricsOptions> & { run?: (caller: Caller) => Promise<unknown> } = {},
): Promise<Awaited<ReturnType<typeof scrape>>> {
  const register = new prometheus.Registry();
  const { run, ...options } = more;
  await conversation(messages, script, {
    run: (caller) => {
      attachMetrics(caller.session, { prometheus, register, ...options });
      return run === undefined ? Promise.all(messages.map((each) => caller.send(each))) : run(caller);
    },
  });
  return scrape(register);
}

const TWO_MESSAGES = `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<gone@example.net>
    C: RCPT TO:<later@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 5.1.1 no such user
    S: 450 4.2.1 try again
    S: 354 go
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 stored
    S: 250 flushed
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 2
    C: .
    S: 554 5.7.1 not this one
    ${BYE}`;

const DELIVERED = `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 1
    C: .
    S: 250 ok
    ${BYE}`;

describe("counts of a conversation", () => {
  test("with refusals, a deferral and a rejected text", async () => {
    const first = message(1, { to: ["b1@example.net", "gone@example.net", "later@example.net"] });
    const value = await measured([first, message(2)], TWO_MESSAGES, { client: "newsletter" });
    const expected: Record<string, number> = {
      'connections_total{client="newsletter",result="ready"}': 1,
      'connections_total{client="newsletter",result="refused"}': 0,
      'disconnections_total{client="newsletter",reason="quit"}': 1,
      'connect_duration_seconds_count{client="newsletter",result="ready"}': 1,
      'commands_total{client="newsletter",verb="EHLO"}': 1,
      'commands_total{client="newsletter",verb="MAIL"}': 2,
      'commands_total{client="newsletter",verb="RCPT"}': 4,
      'commands_total{client="newsletter",verb="text"}': 2,
      'commands_total{client="newsletter",verb="QUIT"}': 1,
      'replies_total{client="newsletter",verb="RCPT",code="2xx"}': 2,
      'replies_total{client="newsletter",verb="RCPT",code="4xx"}': 1,
      'replies_total{client="newsletter",verb="RCPT",code="5xx"}': 1,
      'replies_total{client="newsletter",verb="DATA",code="3xx"}': 2,
      'replies_total{client="newsletter",verb="text",code="5xx"}': 1,
      'replies_total{client="newsletter",verb="greeting",code="2xx"}': 1,
      // greeting, EHLO, [MAIL RCPT RCPT RCPT DATA], [text RSET MAIL RCPT DATA], [text], QUIT
      'groups_total{client="newsletter",group="greeting",result="ok"}': 1,
      'groups_total{client="newsletter",group="hello",result="ok"}': 1,
      'groups_total{client="newsletter",group="envelope",result="refused"}': 1,
      'groups_total{client="newsletter",group="mixed",result="ok"}': 1,
      'groups_total{client="newsletter",group="text",result="refused"}': 1,
      'groups_total{client="newsletter",group="quit",result="ok"}': 1,
      'group_commands_sum{client="newsletter"}': 14,
      'group_commands_count{client="newsletter"}': 6,
      'round_trips_saved_total{client="newsletter"}': 4 + 4,
      'messages_total{client="newsletter",result="partial"}': 1,
      'messages_total{client="newsletter",result="rejected"}': 1,
      'messages_total{client="newsletter",result="unknown"}': 0,
      'message_recipients_sum{client="newsletter"}': 4,
      'message_size_bytes_sum{client="newsletter"}': 2 * "Text 1\r\n.\r\n".length,
      'recipients_accepted_total{client="newsletter"}': 2,
      'recipients_total{client="newsletter",result="succeeded",stage="message"}': 1,
      'recipients_total{client="newsletter",result="rejected",stage="rcpt"}': 1,
      'recipients_total{client="newsletter",result="deferred",stage="rcpt"}': 1,
      'recipients_total{client="newsletter",result="rejected",stage="message"}': 1,
      'recipients_total{client="newsletter",result="unknown",stage="connection"}': 0,
      'messages_pending{client="newsletter"}': 0,
      'replies_outstanding{client="newsletter"}': 0,
      'sessions{client="newsletter",state="ready"}': 0,
      'errors_total{client="newsletter",type="ESMTP_TIMEOUT"}': 0,
      'telemetry_errors_total{client="newsletter"}': 0,
    };
    for (const [sample, count] of Object.entries(expected)) expect(value(sample), sample).toBe(count);
    // Octets as they stand in the script above, line ends included.
    const lines = TWO_MESSAGES.split("\n").map((line) => line.trim());
    const octets = (side: string): number =>
      lines.filter((line) => line.startsWith(side)).reduce((sum, line) => sum + line.length - 3 + 2, 0);
    expect(value('io_bytes_total{client="newsletter",direction="sent"}')).toBe(octets("C: "));
    expect(value('io_bytes_total{client="newsletter",direction="received"}')).toBe(octets("S: "));
    const delivered = value('last_delivery_timestamp_seconds{client="newsletter"}') ?? 0;
    expect(delivered).toBeGreaterThan(1.6e9);
    expect(delivered).toBeLessThanOrEqual(Date.now() / 1_000 + 1);
  });

  test("of a connection that is lost behind a text", async () => {
    const value = await measured(
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
    );
    expect(value('messages_total{client="default",result="unknown"}')).toBe(1);
    expect(value('recipients_total{client="default",result="unknown",stage="connection"}')).toBe(1);
    expect(value('groups_total{client="default",group="text",result="lost"}')).toBe(1);
    expect(value('disconnections_total{client="default",reason="server"}')).toBe(1);
    expect(value('errors_total{client="default",type="ESMTP_CONNECTION_LOST"}')).toBe(1);
    expect(value('last_delivery_timestamp_seconds{client="default"}')).toBeUndefined();
  });

  test("of a text that is cut off: a group of text that was lost", async () => {
    const data = async function* (): AsyncGenerator<string, void, undefined> {
      yield "Some text\r\n".repeat(20_000);
      throw new Error("the disk is gone");
    };
    const value = await measured(
      [message(1, { data })],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      -- text, not ended`,
    );
    expect(value('groups_total{client="default",group="text",result="lost"}')).toBe(1);
    expect(value('groups_total{client="default",group="reset",result="ok"}')).toBe(0);
  });

  test("of a greeting that refuses: a connection that never was ready", async () => {
    const value = await measured([message(1)], "S: 554 5.3.2 not today\n-- close");
    expect(value('connections_total{client="default",result="greeting"}')).toBe(1);
    expect(value('connections_total{client="default",result="ready"}')).toBe(0);
    expect(value('connect_duration_seconds_count{client="default",result="greeting"}')).toBe(1);
    expect(value('disconnections_total{client="default",reason="error"}')).toBe(0);
    expect(value('recipients_total{client="default",result="deferred",stage="connection"}')).toBe(1);
  });

  test("of verbs that are on no list: `other`, whatever they are", async () => {
    const value = await measured(
      [],
      `${hello("XSECRET")}
      C: XSECRET hush
      S: 250 ok
      ${BYE}`,
      {
        run: async ({ session }) => {
          await session.connect();
          await session.command("XSECRET hush");
        },
      },
    );
    expect(value('commands_total{client="default",verb="other"}')).toBe(1);
    expect(value('commands_total{client="default",verb="XSECRET"}')).toBeUndefined();
    expect(value('groups_total{client="default",group="other",result="ok"}')).toBe(1);
  });
});

describe("connections that fail are told apart:", () => {
  const failures: readonly [result: string, error: Error & { code?: string }][] = [
    ["dns", Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" })],
    ["dns", Object.assign(new Error("getaddrinfo"), { code: "EAI_AGAIN" })],
    ["refused", Object.assign(new Error("connect"), { code: "ECONNREFUSED" })],
    ["refused", new AggregateError([Object.assign(new Error("connect"), { code: "ECONNREFUSED" })])],
    ["timeout", Object.assign(new Error("connect"), { code: "ETIMEDOUT" })],
    ["error", new Error("something else")],
  ];
  test.each(failures)("%s (%o)", async (result, error) => {
    const register = new prometheus.Registry();
    const session = new SmtpSession({ host: "peer.example", connectSocket: () => Promise.reject(error) });
    attachMetrics(session, { prometheus, register });
    await expect(session.connect()).rejects.toThrow();
    const value = await scrape(register);
    for (const each of ["ready", "dns", "refused", "timeout", "error", "aborted"]) {
      const count = each === result ? 1 : 0;
      expect(value(`connections_total{client="default",result="${each}"}`), each).toBe(count);
    }
  });

  test("aborted", async () => {
    const register = new prometheus.Registry();
    const session = new SmtpSession({
      host: "peer.example",
      connectSocket: () => new Promise(() => undefined),
    });
    attachMetrics(session, { prometheus, register });
    const connecting = session.connect();
    session.destroy();
    await expect(connecting).rejects.toThrow();
    expect((await scrape(register))('connections_total{client="default",result="aborted"}')).toBe(1);
  });
});

describe("a register", () => {
  const idle = (): SmtpSession => new SmtpSession({ host: "peer.example" });

  test("serves many sessions: counts of one client add up, gauges too", async () => {
    const register = new prometheus.Registry();
    const sessions = [idle(), idle(), idle()];
    for (const [i, session] of sessions.entries()) {
      attachMetrics(session, { prometheus, register, client: i < 2 ? "a" : "b" });
    }
    let value = await scrape(register);
    expect(value('sessions{client="a",state="idle"}')).toBe(2);
    expect(value('sessions{client="b",state="idle"}')).toBe(1);
    expect(value('sessions{client="b",state="ready"}')).toBe(0);
    await Promise.all(sessions.map((session) => session.quit()));
    value = await scrape(register);
    expect(value('sessions{client="a",state="idle"}')).toBe(0);
    // They never connected: nothing was lost.
    expect(value('disconnections_total{client="a",reason="quit"}')).toBe(0);
    expect(value('connections_total{client="a",result="error"}')).toBe(0);
  });

  test("keeps its counts when another session is attached", async () => {
    const register = new prometheus.Registry();
    for (let i = 1; i <= 2; i++) {
      await conversation([], `${HELLO}\n${BYE}`, {
        run: ({ session }) => {
          attachMetrics(session, { prometheus, register });
          return session.connect();
        },
      });
      const value = await scrape(register);
      expect(value('connections_total{client="default",result="ready"}')).toBe(i);
      expect(value('connect_duration_seconds_count{client="default",result="ready"}')).toBe(i);
    }
  });

  test("is prom-client's default one if none is given", async () => {
    const detach = attachMetrics(idle(), { prometheus, client: "by default", prefix: "mail_" });
    expect(prometheus.register.getSingleMetric("mail_messages_total")).toBeDefined();
    expect(prometheus.register.getSingleMetric("smtp_client_messages_total")).toBeUndefined();
    detach();
    prometheus.register.clear();
    attachMetrics(idle(), { prometheus, client: "after clear()", prefix: "mail_" })();
    expect(await prometheus.register.metrics()).toContain('mail_messages_total{client="after clear()"');
    prometheus.register.clear();
  });

  test("with another's metric of the same name is refused, with what to do", () => {
    const register = new prometheus.Registry();
    new prometheus.Gauge({ name: "smtp_client_messages_total", help: "mine", registers: [register] });
    expect(() => attachMetrics(idle(), { prometheus, register })).toThrow(
      /smtp_client_messages_total.*prefix/,
    );
  });

  test("that throws never reaches the session: what is not counted is counted", async () => {
    const register = new prometheus.Registry();
    const { deliveries, warnings } = await conversation(
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
      S: 250 ok
      ${BYE}`,
      {
        run: ({ session, send }) => {
          attachMetrics(session, { prometheus, register });
          for (const name of ["smtp_client_messages_total", "smtp_client_groups_total"]) {
            const metric = register.getSingleMetric(name) as prometheus.Counter;
            metric.inc = () => {
              throw new Error("the register is broken");
            };
          }
          return send(message(1));
        },
      },
    );
    expect(deliveries[0]?.ok).toBe(true);
    expect(warnings).toEqual([]);
    // 5 groups and a message.
    expect((await scrape(register))('telemetry_errors_total{client="default"}')).toBe(6);
  });

  test("detached counts no more and stays usable", async () => {
    const register = new prometheus.Registry();
    const mine = new prometheus.Counter({ name: "mine", help: "mine", registers: [register] });
    await conversation([], `${HELLO}\n${BYE}`, {
      run: async ({ session }) => {
        const detach = attachMetrics(session, { prometheus, register });
        const listeners = session.listenerCount("groupEnd");
        await session.connect();
        detach();
        detach(); // twice is once
        expect(session.listenerCount("groupEnd")).toBe(listeners - 1);
      },
    });
    mine.inc(3);
    const value = await scrape(register);
    expect(value("mine")).toBe(3);
    expect(value('connections_total{client="default",result="ready"}')).toBe(1);
    expect(value('commands_total{client="default",verb="QUIT"}')).toBe(0);
    expect(value('sessions{client="default",state="ready"}')).toBe(0);
  });

  test("of each worker of a cluster: counts add up, what is no count does not", async () => {
    const registers = [new prometheus.Registry(), new prometheus.Registry()];
    for (const register of registers) {
      await conversation([], DELIVERED, {
        run: ({ session, send }) => {
          attachMetrics(session, { prometheus, register });
          return send(message(1));
        },
      });
    }
    const workers = await Promise.all(registers.map((register) => register.getMetricsAsJSON()));
    const value = await scrape(prometheus.AggregatorRegistry.aggregate(workers));
    expect(value('messages_total{client="default",result="delivered"}')).toBe(2);
    expect(value('build_info{client="default",version="0.1.0"}')).toBe(1);
    expect(value('last_delivery_timestamp_seconds{client="default"}')).toBeLessThanOrEqual(
      Date.now() / 1_000 + 1,
    );
  });

  test("to which a session is attached twice counts it once, until it is detached twice", async () => {
    const register = new prometheus.Registry();
    await conversation(
      [],
      `${HELLO}
      C: NOOP
      S: 250 ok
      C: NOOP
      S: 250 ok
      ${BYE}`,
      {
        run: async ({ session }) => {
          const detach = [1, 2].map(() => attachMetrics(session, { prometheus, register }));
          attachMetrics(session, { prometheus, register, client: "another" });
          await session.noop();
          detach[0]?.();
          detach[0]?.();
          await session.noop();
          detach[1]?.();
        },
      },
    );
    const value = await scrape(register);
    expect(value('commands_total{client="default",verb="NOOP"}')).toBe(2);
    expect(value('commands_total{client="default",verb="QUIT"}')).toBe(0);
    expect(value('commands_total{client="another",verb="QUIT"}')).toBe(1);
  });

  test("that was cleared has the metrics again once the session is attached again, and each count once", async () => {
    const register = new prometheus.Registry();
    const session = idle();
    const detachFirst = attachMetrics(session, { prometheus, register });
    register.clear();
    const detachSecond = attachMetrics(session, { prometheus, register });
    const invalid = (): Promise<unknown> => session.pipeline(message(1, { to: "no address" }));
    const counted = async (): Promise<unknown> =>
      (await scrape(register))('messages_total{client="default",result="rejected"}');
    await invalid();
    expect(await counted()).toBe(1);
    detachFirst();
    attachMetrics(session, { prometheus, register });
    await invalid();
    expect(await counted()).toBe(2);
    detachSecond();
    await invalid();
    expect(await counted()).toBe(3);
  });

  test("is counted into no more by who is detached while an event is emitted", async () => {
    const register = new prometheus.Registry();
    const session = idle();
    let detach = (): void => undefined;
    session.on("messageEnd", () => detach());
    detach = attachMetrics(session, { prometheus, register });
    await session.pipeline(message(1, { to: "no address" }));
    expect((await scrape(register))('messages_total{client="default",result="rejected"}')).toBe(0);
  });

  test("shows the gauges of a session in flight", async () => {
    const register = new prometheus.Registry();
    let seen: Awaited<ReturnType<typeof scrape>> = () => undefined;
    await conversation(
      [message(1)],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      -- look
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      S: 250 ok
      ${BYE}`,
      {
        actions: {
          look: async () => {
            seen = await scrape(register);
          },
        },
        run: ({ session, send }) => {
          attachMetrics(session, { prometheus, register });
          return send(message(1));
        },
      },
    );
    expect(seen('messages_pending{client="default"}')).toBe(1);
    expect(seen('replies_outstanding{client="default"}')).toBe(3);
    expect(seen('sessions{client="default",state="ready"}')).toBe(1);
  });
});

describe("exemplars", () => {
  test("are not asked for on a text register, and their wrapper works on an OpenMetrics one", async () => {
    const register = new prometheus.Registry<prometheus.OpenMetricsContentType>();
    register.setContentType(prometheus.Registry.OPENMETRICS_CONTENT_TYPE);
    await conversation([], `${HELLO}\n${BYE}`, {
      run: async ({ session }) => {
        attachMetrics(session, { prometheus, register });
        await session.connect();
      },
    });
    const text = await register.metrics();
    expect(text).toContain('smtp_client_connect_duration_seconds_count{client="default",result="ready"} 1');
    expect(text).toContain('smtp_client_group_commands_count{client="default"} 3');
    expect(text.trimEnd().endsWith("# EOF")).toBe(true);
  });
});

describe("options of the wrong shape are refused by name:", () => {
  const cases: readonly [string, unknown, RegExp][] = [
    ["no prometheus", {}, /options\.prometheus/],
    ["the module itself", prometheus, /options\.\w+ is unknown/],
    ["null", null, /options must be an object/],
    [
      "a name that is not known",
      { prometheus, registry: prometheus.register },
      /options\.registry is unknown/,
    ],
    ["prometheus that is something else", { prometheus: { Counter: 1 } }, /options\.prometheus/],
    ["register", { prometheus, register: {} }, /options\.register/],
    ["client", { prometheus, client: "" }, /options\.client/],
    ["prefix", { prometheus, prefix: "smtp-client-" }, /options\.prefix/],
    ["buckets that do not ascend", { prometheus, buckets: [1, 1] }, /options\.buckets/],
    ["buckets that are none", { prometheus, buckets: [] }, /options\.buckets/],
  ];
  test.each(cases)("%s", (_, options, text) => {
    const session = new SmtpSession({ host: "peer.example" });
    expect(() => attachMetrics(session, options as never)).toThrow(TypeError);
    expect(() => attachMetrics(session, options as never)).toThrow(text);
    expect(session.listenerCount("groupEnd")).toBe(0);
  });

  test.each([
    { target: {} },
    { target: undefined },
    { target: null },
    { target: { on: () => 0, off: () => 0, sessions: 5 } },
  ])("and a target that is none, before anything is in the register: $target", ({ target }) => {
    const register = new prometheus.Registry();
    expect(() => attachMetrics(target as never, { prometheus, register })).toThrow(
      /target must be a session/,
    );
    expect(register.getSingleMetric("smtp_client_messages_total")).toBeUndefined();
  });
});

test("buckets of one's own are those of the latency histograms", async () => {
  const register = new prometheus.Registry();
  attachMetrics(new SmtpSession({ host: "peer.example" }), { prometheus, register, buckets: [0.1, 7] });
  const value = await scrape(register);
  const bucket = (le: string): string =>
    `message_duration_seconds_bucket{le="${le}",client="default",result="delivered"}`;
  expect([bucket("0.1"), bucket("7"), bucket("+Inf")].map(value)).toEqual([0, 0, 0]);
  expect(value(bucket("0.005"))).toBeUndefined();
});

test("a session that is closed already is not kept by the register", async () => {
  const session = new SmtpSession({ host: "peer.example" });
  await session.quit();
  const register = new prometheus.Registry();
  attachMetrics(session, { prometheus, register });
  let asked = 0;
  Object.defineProperty(session, "pending", {
    get: () => {
      asked++;
      return 0;
    },
  });
  expect((await scrape(register))('messages_pending{client="default"}')).toBe(0);
  expect(asked).toBe(0);
  expect(session.listenerCount("groupEnd")).toBe(0);
});

test("a session that closes ends the attachment", async () => {
  const register = new prometheus.Registry();
  const session = new SmtpSession({ host: "peer.example" });
  attachMetrics(session, { prometheus, register });
  const end = closed(session);
  await session.quit();
  await end;
  expect(session.listenerCount("groupEnd")).toBe(0);
});
