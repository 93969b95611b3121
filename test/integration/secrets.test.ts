import { channel } from "node:diagnostics_channel";
import { inspect } from "node:util";
import pino from "pino";
import prometheus from "prom-client";
import { type SessionOptions, SmtpSession } from "smtp-pipelining";
import { attachLogger } from "smtp-pipelining/logging";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachRecorder } from "smtp-pipelining/recorder";
import { attachTracing } from "smtp-pipelining/tracing";
import { describe, expect, onTestFinished, test } from "vitest";
import { hello, ScriptedPeer } from "../support/scripted-peer.ts";
import { RecordedSpans } from "../support/spans.ts";

// A secret is planted in the credentials; then everything that a session tells anybody is searched for it, as it is and
// in each form in which it went over the wire. The peers repeat what they hear, as some servers do.

const SECRET = "pl4nted-s3cret";
const PASSWORD = { user: "tim", pass: SECRET };
const TOKEN = { user: "tim", accessToken: SECRET };

const EVENTS = [
  "connecting",
  "connect",
  "ready",
  "messageQueued",
  "messageStart",
  "sent",
  "reply",
  "recipientAccepted",
  "recipientSucceeded",
  "recipientFailed",
  "recipientUnknown",
  "messageEnd",
  "groupStart",
  "groupEnd",
  "warning",
  "error",
  "close",
] as const;

/** Everything, to the last field: what is not enumerable, what stands in a Map, the stack and the cause of an error. */
function everything(value: unknown): string {
  return inspect(value, { depth: 20, showHidden: true, maxArrayLength: null, maxStringLength: null });
}

/** Holds a conversation with everything attached. Returns all that was told. */
async function told(auth: SessionOptions["auth"], script: string): Promise<{ text: string; code: unknown }> {
  const heard: string[] = [];
  const peer = await ScriptedPeer.start();
  const session = { auth, tls: "off", allowInsecureAuth: true } as const;
  let code: unknown;
  await peer.conversation([], script, {
    session,
    run: async ({ session, send }) => {
      for (const event of EVENTS) {
        session.on(event, (payload) => heard.push(everything(payload)));
        const mirror = channel(`smtp-pipelining:${event}`);
        const listener = (payload: unknown): unknown => heard.push(everything(payload));
        mirror.subscribe(listener);
        onTestFinished(() => {
          mirror.unsubscribe(listener);
        });
      }
      const register = new prometheus.Registry();
      attachMetrics(session, { prometheus, register });
      const spans = new RecordedSpans();
      attachTracing(session, { tracerProvider: spans.provider, recordRecipients: true });
      const logger = pino({ level: "trace" }, { write: (line: string) => heard.push(line) });
      attachLogger(session, logger, { wire: true });
      const recorder = attachRecorder(session, {});
      const message = { from: "a@example.org", to: "b@example.net", data: "Text\r\n" };
      const outcome = session.connect().then(
        () => undefined,
        (error) => {
          code = error.code;
          heard.push(everything(error), String(error.stack), JSON.stringify(error));
        },
      );
      heard.push(everything(await send(message)));
      await outcome;
      await session.quit();
      heard.push(
        await register.metrics(),
        recorder.html(),
        everything(session),
        everything(session.lastGroup),
      );
      heard.push(
        ...spans.ended.map(({ name, attributes, events, status }) =>
          everything({ name, attributes, events, status }),
        ),
      );
    },
  });
  expect(heard.length).toBeGreaterThan(20);
  return { text: heard.join("\n"), code };
}

const b64 = (text: string): string => Buffer.from(text).toString("base64");
const PLAIN = b64(`\0tim\0${SECRET}`);
const SENT = `
    C: MAIL FROM:<a@example.org>
    C: RCPT TO:<b@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text
    C: .
    S: 250 stored
    C: QUIT
    S: 221 bye`;
const XOAUTH2 = b64(`user=tim\x01auth=Bearer ${SECRET}\x01\x01`);

describe("a secret planted in the credentials is told to nobody but the server", () => {
  const conversations: [
    what: string,
    auth: SessionOptions["auth"],
    script: string,
    code: string | undefined,
  ][] = [
    [
      "PLAIN, accepted",
      PASSWORD,
      `${hello("PIPELINING", "AUTH PLAIN")}\nC: AUTH PLAIN ${PLAIN}\nS: 235 welcome ${SECRET}\n${SENT}`,
      undefined,
    ],
    [
      "PLAIN, refused by a server that repeats the line",
      PASSWORD,
      `${hello("AUTH PLAIN")}\nC: AUTH PLAIN ${PLAIN}\nS: 535 5.7.8 bad "AUTH PLAIN ${PLAIN}", that is ${SECRET}\n-- client closes`,
      "ESMTP_AUTH_FAILED",
    ],
    [
      "PLAIN, and what comes back is no reply",
      PASSWORD,
      `${hello("AUTH PLAIN")}\nC: AUTH PLAIN ${PLAIN}\nS: ${PLAIN}\n-- client closes`,
      "ESMTP_MALFORMED_REPLY",
    ],
    [
      "PLAIN, and what comes back is out of step",
      PASSWORD,
      `${hello("AUTH PLAIN")}\nC: AUTH PLAIN ${PLAIN}\nS: 354 ${SECRET}\n-- client closes`,
      "ESMTP_OUT_OF_STEP",
    ],
    [
      "LOGIN, taken for commands",
      PASSWORD,
      `${hello("AUTH LOGIN")}\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: ${b64("tim")}\nS: 334 UGFzc3dvcmQ6
       C: ${b64(SECRET)}\nS: 500 ${b64(SECRET)} is no command\n-- client closes`,
      "ESMTP_AUTH_FAILED",
    ],
    [
      "a token, refused twice, from a function",
      ({ refusal }) => (refusal === undefined ? { user: "tim", accessToken: `${SECRET}-stale` } : TOKEN),
      `${hello("AUTH XOAUTH2")}\nC: AUTH XOAUTH2 ${b64(`user=tim\x01auth=Bearer ${SECRET}-stale\x01\x01`)}
       S: 334 ${b64("{}")}\nC:\nS: 535 no ${SECRET}-stale\nC: AUTH XOAUTH2 ${XOAUTH2}
       S: 334 ${b64("{}")}\nC:\nS: 535-${SECRET}\nS: 535 no ${XOAUTH2}\n-- client closes`,
      "ESMTP_AUTH_FAILED",
    ],
    [
      "the connection lost in the middle",
      PASSWORD,
      `${hello("AUTH PLAIN")}\nC: AUTH PLAIN ${PLAIN}\n-- close`,
      "ESMTP_CONNECTION_LOST",
    ],
  ];
  test.each(conversations)("%s", async (_, auth, script, code) => {
    const outcome = await told(auth, script);
    expect(outcome.code).toBe(code);
    for (const form of [SECRET, b64(SECRET), PLAIN, XOAUTH2, b64(SECRET).slice(0, 12)]) {
      expect(outcome.text.includes(form), form).toBe(false);
    }
    // It was looked where something is: the command itself is told.
    expect(outcome.text).toMatch(/AUTH (?:PLAIN|XOAUTH2|LOGIN)/);
  });

  test("a session that was never used shows nothing of it", () => {
    for (const session of [
      new SmtpSession({ host: "mx.example", auth: PASSWORD }),
      new SmtpSession(`smtps://tim:${SECRET}@mx.example`),
    ]) {
      expect(everything(session)).not.toContain(SECRET);
      expect(JSON.stringify(session)).not.toContain(SECRET);
      expect(Object.values(session).map(everything).join()).not.toContain(SECRET);
    }
  });
});
