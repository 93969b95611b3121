import { BoundedPeerMemory, type RecipientResult, type SessionOptions } from "smtp-pipelining";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CERTIFICATE } from "../../support/certificate.ts";
import { chasquidSkipped, type RunningChasquid, startChasquid } from "../../support/real-servers/chasquid.ts";
import { harakaSkipped, type RunningHaraka, startHaraka } from "../../support/real-servers/haraka.ts";
import {
  netServerMailSkipped,
  type RunningNetServerMail,
  startNetServerMail,
} from "../../support/real-servers/net-server-mail.ts";
import {
  expectDelivered,
  expectedFates,
  FROM,
  fates,
  MAILBOXES,
  messages,
  type Said,
  type Sent,
  session,
} from "../../support/real-servers/workload.ts";

// Servers that say PIPELINING and do not bear what stands behind a message's text, or not much of it.

const START = 60_000;
/** Of chasquid each session has but a few errors, so there are many. */
const PATIENCE = 240_000;

interface Server {
  readonly port: number;
  delivered(recipient: string): Promise<string[]>;
}

/** The server hung up, or said with its refusal that it does. */
function cutOff(result: RecipientResult): boolean {
  return result.status === "failed" && (result.stage === "connection" || result.reply?.code === 421);
}

/** What became of so many messages is what was delivered. Returns the codes of the warnings. */
async function expectSound(
  server: Server,
  said: Said,
  [name, count, options]: readonly [string, number, Partial<SessionOptions>],
): Promise<string[]> {
  const warnings: string[] = [];
  const sent = messages(name, count);
  const fated = new Map<string, string>();
  // What a session could not send because the server hung up goes with the next one, and nothing else does.
  for (let left: readonly Sent[] = sent, sessions = 0; left.length > 0; sessions++) {
    expect(sessions, `sessions for the last ${left.length} messages`).toBeLessThan(count);
    const client = session(server.port, options);
    client.on("warning", ({ code }) => warnings.push(code));
    const deliveries = await Promise.all(left.map((message) => client.pipeline(message)));
    left = deliveries.flatMap((delivery, i) => {
      const again = delivery.recipients.filter(cutOff);
      for (const fate of fates(delivery)) {
        if (!/: failed (?:connection .*|rcpt 421 4\.5\.0) true$/.test(fate)) {
          fated.set(fate.replace(/: .*/, ""), fate);
        }
      }
      const message = left[i];
      return again.length === 0 || message === undefined
        ? []
        : [{ ...message, to: again.map(({ address }) => address) }];
    });
    await client.quit();
  }
  const expected = sent.flatMap((each) => expectedFates(each, said));
  expect([...fated.values()].sort()).toEqual([...expected].sort());
  await expectDelivered(name, sent, server.delivered);
  return warnings;
}

describe.skipIf(netServerMailSkipped)(
  "Net::Server::Mail, which stores what stands behind a text in the message",
  () => {
    const said: Said = {
      refused: {
        "nobody@example.net": "failed rcpt 550 false",
        "busy@example.net": "failed rcpt 451 true",
        "someone@elsewhere.example": "failed rcpt 550 false",
      },
      taken: "succeeded message 250",
      unwanted: "failed message 550 false",
    };
    let server: RunningNetServerMail;
    beforeAll(async () => {
      server = await startNetServerMail(MAILBOXES);
    }, START);
    afterAll(() => server?.stop());

    test.each<[string, number, Partial<SessionOptions>]>([
      ["auto", 500, {}],
      ["transaction", 100, { pipelining: "transaction" }],
      ["lock-step", 100, { pipelining: "off" }],
    ])("%s: what became of %i messages is what was delivered", { timeout: PATIENCE }, async (...mode) => {
      const warnings = await expectSound(server, said, mode);
      expect(warnings).toEqual(mode[0] === "auto" ? ["ESMTP_FOLLOW_ON_STORED"] : []);
    });
  },
);

describe.skipIf(chasquidSkipped)(
  "chasquid, which swallows what stands behind a text, and hangs up after three errors",
  () => {
    const said: Said = {
      refused: {
        "nobody@example.net": "failed rcpt 550 5.1.1 false",
        "busy@example.net": "failed rcpt 550 5.1.1 false",
        "someone@elsewhere.example": "failed rcpt 503 5.7.1 false",
      },
      taken: "succeeded message 250 2.0.0",
      unwanted: "failed message 554 false",
    };
    let server: RunningChasquid;
    beforeAll(async () => {
      server = await startChasquid(MAILBOXES);
      console.log(`chasquid ${server.version}`);
    }, START);
    afterAll(() => server?.stop());

    test.each<[string, number, Partial<SessionOptions>]>([
      ["auto", 500, { peers: new BoundedPeerMemory() }],
      ["STARTTLS", 40, { tls: "required", tlsOptions: { ca: CERTIFICATE }, peers: new BoundedPeerMemory() }],
      ["lock-step", 40, { pipelining: "off" }],
    ])("%s: what became of %i messages is what was delivered", { timeout: PATIENCE }, async (...mode) => {
      const warnings = await expectSound(server, said, mode);
      expect(warnings).toEqual(mode[0] === "lock-step" ? [] : ["ESMTP_FOLLOW_ON_SWALLOWED"]);
    });
  },
);

describe.skipIf(harakaSkipped)(
  "Haraka, which refuses what stands behind a text, and hangs up if it is much",
  () => {
    const said: Said = {
      refused: {
        "nobody@example.net": "failed rcpt 550 false",
        "busy@example.net": "failed rcpt 450 true",
        "someone@elsewhere.example": "failed rcpt 550 false",
      },
      taken: "succeeded message 250",
      unwanted: "failed message 550 false",
    };
    const user = { name: "tester", password: "quite secret" };
    let server: RunningHaraka;
    beforeAll(async () => {
      server = await startHaraka({ mailboxes: MAILBOXES, user });
    }, START);
    afterAll(() => server?.stop());

    test("says what it offers", async () => {
      const client = session(server.port, { tls: "off" });
      await client.connect();
      console.log("Haraka:", [...client.capabilities.keys()].join(" "));
      expect(client.supports("PIPELINING")).toBe(true);
      expect(client.supports("CHUNKING")).toBe(false);
      await client.quit();
    });

    test.each<[string, number, Partial<SessionOptions>]>([
      ["auto", 500, { peers: new BoundedPeerMemory() }],
      ["STARTTLS", 100, { tls: "required", tlsOptions: { ca: CERTIFICATE }, peers: new BoundedPeerMemory() }],
      ["transaction", 100, { pipelining: "transaction" }],
      ["lock-step", 100, { pipelining: "off" }],
    ])("%s: what became of %i messages is what was delivered", { timeout: PATIENCE }, async (...mode) => {
      const warnings = await expectSound(server, said, mode);
      // What it takes out of step it answers 503: the session asks anew.
      expect(warnings).toEqual(/auto|STARTTLS/.test(mode[0]) ? ["ESMTP_FOLLOW_ON_REFUSED"] : []);
    });

    test("an envelope beyond the 8,192 octets that it bears does not stand behind a text: nothing is lost", async () => {
      const client = session(server.port, { tls: "off", peers: new BoundedPeerMemory() });
      const many = Array.from({ length: 400 }, (_, i) => `nobody-${i}@example.net`);
      const data = "Subject: many 0\r\n\r\nText\r\n";
      const deliveries = await Promise.all([
        client.pipeline({ from: FROM, to: "anna@example.net", data }),
        client.pipeline({ from: FROM, to: [...many, "bert@example.net"], data }),
        client.pipeline({ from: FROM, to: "carl@example.net", data }),
      ]);
      await client.quit();
      const unknown = deliveries.flatMap((each) => each.unknown);
      expect(unknown).toEqual([]);
      const left = deliveries.flatMap(({ failed }) => failed.filter(cutOff));
      expect(left).toEqual([]);
      expect(deliveries.map(({ succeeded }) => succeeded.length)).toEqual([1, 1, 1]);
      for (const mailbox of MAILBOXES) {
        const texts = await server.delivered(`${mailbox}@example.net`);
        expect(texts.filter((text) => text === data)).toHaveLength(1);
      }
    });

    test.each(["PLAIN", "LOGIN", "CRAM-MD5"] as const)(
      "AUTH %s: with the password, and with no other",
      async (mechanism) => {
        const secure: Partial<SessionOptions> = { tls: "required", tlsOptions: { ca: CERTIFICATE } };
        const auth = { user: user.name, pass: user.password, mechanisms: [mechanism] };
        const client = session(server.port, { ...secure, auth });
        await client.connect();
        expect(client.authenticated).toBe(true);
        await client.quit();
        const other = session(server.port, { ...secure, auth: { ...auth, pass: "wrong" } });
        await expect(other.connect()).rejects.toMatchObject({ code: "ESMTP_AUTH_FAILED" });
      },
    );
  },
);
