import { BoundedPeerMemory, type RecipientResult, type SessionOptions } from "smtp-pipelining";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CERTIFICATE } from "../../support/certificate.ts";
import { chasquidSkipped, type RunningChasquid, startChasquid } from "../../support/real-servers/chasquid.ts";
import {
  netServerMailSkipped,
  type RunningNetServerMail,
  startNetServerMail,
} from "../../support/real-servers/net-server-mail.ts";
import {
  expectDelivered,
  expectedFates,
  fates,
  MAILBOXES,
  messages,
  type Said,
  type Sent,
  session,
} from "../../support/real-servers/workload.ts";

// Two servers that say PIPELINING and do not bear what stands behind a message's text.

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
