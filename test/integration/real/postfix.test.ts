import type { SessionOptions } from "smtp-pipelining";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CERTIFICATE } from "../../support/certificate.ts";
import { postfixSkipped, type RunningPostfix, startPostfix } from "../../support/real-servers/postfix.ts";
import {
  expectDelivered,
  expectedFates,
  FROM,
  fates,
  MAILBOXES,
  messages,
  type Said,
  session,
} from "../../support/real-servers/workload.ts";

const TRUSTED = { ca: CERTIFICATE };

/** What the server below says. */
const SAID: Said = {
  refused: {
    "nobody@example.net": "failed rcpt 550 5.1.1 false",
    "busy@example.net": "failed rcpt 450 4.2.1 true",
    "someone@elsewhere.example": "failed rcpt 554 5.7.1 false",
  },
  taken: "succeeded message 250 2.0.0",
  unwanted: "failed message 550 5.7.1 false",
};

/** To start it takes a few seconds: Postfix makes its queue first. */
const START = 60_000;

describe.skipIf(postfixSkipped)("Postfix", () => {
  let postfix: RunningPostfix;
  beforeAll(async () => {
    postfix = await startPostfix({
      mailboxes: MAILBOXES,
      settings: {
        smtpd_recipient_restrictions: "check_recipient_access inline:{{busy@example.net = 450 4.2.1 Busy}}",
        header_checks: "regexp:{{/^X-Refuse:/ REJECT Unwanted}}",
      },
    });
  }, START);
  afterAll(() => postfix?.stop());

  const modes: readonly [string, number, keyof RunningPostfix["ports"], Partial<SessionOptions>, object][] = [
    [
      "STARTTLS-required",
      200,
      "starttls",
      { tls: "required", tlsOptions: TRUSTED },
      { secure: true, verified: true },
    ],
    ["STARTTLS-opportunistic", 40, "starttls", {}, { secure: true, verified: false }],
    ["TLS-implicit", 40, "tls", { tls: "implicit", tlsOptions: TRUSTED }, { secure: true, verified: true }],
    ["chunking-bursts", 500, "plain", {}, { secure: false, verified: false }],
    ["chunking-strict", 500, "plain", { chunking: "strict" }, { secure: false }],
    ["chunking-off", 500, "plain", { chunking: "off" }, { secure: false }],
    ["lock-step", 40, "plain", { pipelining: "off" }, { secure: false }],
  ];
  test.each(modes)(
    "%s: what became of %i messages is what was delivered",
    async (name, count, port, options, facts) => {
      const client = session(postfix.ports[port], options);
      const ready = new Promise((resolve) => client.once("ready", resolve));
      const sent = messages(name, count);
      const deliveries = await Promise.all(sent.map((message) => client.pipeline(message)));
      expect(await ready).toMatchObject(facts);
      expect(deliveries.flatMap(fates)).toEqual(sent.flatMap((each) => expectedFates(each, SAID)));
      await client.quit();
      await expectDelivered(name, sent, postfix.delivered);
    },
  );

  test("a certificate that nobody vouches for ends a session that requires one", async () => {
    const client = session(postfix.ports.starttls, { tls: "required" });
    const { failed } = await client.pipeline({ from: FROM, to: "anna@example.net", data: "Untrusted.\r\n" });
    expect(failed.map(({ stage, error }) => [stage, error?.code])).toEqual([
      ["connection", "ESMTP_TLS_FAILED"],
    ]);
    expect(await postfix.delivered("anna@example.net")).not.toContain("Untrusted.\r\n");
  });
});

describe.skipIf(postfixSkipped)("Postfix with its own limits of errors", () => {
  let postfix: RunningPostfix;
  beforeAll(async () => {
    postfix = await startPostfix({
      mailboxes: ["anna"],
      settings: {
        smtpd_soft_error_limit: "10",
        smtpd_hard_error_limit: "20",
        smtpd_junk_command_limit: "100",
      },
    });
  }, START);
  afterAll(() => postfix?.stop());

  test("hangs up after twenty refusals: no fate is unknown, and what is said to be delivered is", async () => {
    const client = session(postfix.ports.plain, {});
    const sent = Array.from({ length: 40 }, (_, i) => ({
      id: `limits-${i}`,
      from: FROM,
      to: i === 2 || i > 30 ? "anna@example.net" : "nobody@example.net",
      data: `Subject: limits ${i}\r\n\r\n`,
    }));
    const deliveries = await Promise.all(sent.map((message) => client.pipeline(message)));
    const cut = deliveries.findIndex(({ failed }) => failed[0]?.stage === "connection");
    expect(cut).toBeGreaterThan(2);
    expect(cut).toBeLessThan(31);

    const said = (i: number): string =>
      i === 2
        ? "anna@example.net: succeeded message 250 2.0.0"
        : "nobody@example.net: failed rcpt 550 5.1.1 false";
    expect(deliveries.slice(0, cut).flatMap(fates)).toEqual(
      sent.slice(0, cut).map(({ id }, i) => `${id} ${said(i)}`),
    );
    const lost = deliveries.slice(cut).flatMap(({ recipients }) => recipients);
    expect(lost.filter(({ status, stage }) => status !== "failed" || stage !== "connection")).toEqual([]);
    expect(lost.map((result) => result.status === "failed" && result.retryable)).not.toContain(false);
    expect(await postfix.delivered("anna@example.net")).toEqual(["Subject: limits 2\r\n\r\n"]);
    await postfix.logs("too many errors after");
  });
});

describe.skipIf(postfixSkipped)("Postfix with a limit of recipients", () => {
  const names = Array.from({ length: 23 }, (_, i) => `name-${i}`);
  let postfix: RunningPostfix;
  beforeAll(async () => {
    const settings = { smtpd_recipient_limit: "5" };
    postfix = await startPostfix({ mailboxes: names, settings });
  }, START);
  afterAll(() => postfix?.stop());

  test("a message with more goes in several transactions: each gets it once, with one delivery", async () => {
    const client = session(postfix.ports.plain, {});
    const to = names.map((name) => `${name}@example.net`);
    const first = { id: "first", from: FROM, to, data: "Subject: first\r\n\r\n" };
    const second = { id: "second", from: FROM, to: to.slice(3, 12), data: () => "Subject: second\r\n\r\n" };
    const deliveries = await Promise.all([first, second].map((message) => client.pipeline(message)));
    expect(deliveries.map(({ ok, recipients }) => [ok, recipients.map(({ address }) => address)])).toEqual([
      [true, first.to],
      [true, second.to],
    ]);
    await client.quit();
    for (const [i, address] of to.entries()) {
      const expected = ["Subject: first\r\n\r\n", ...(i >= 3 && i < 12 ? ["Subject: second\r\n\r\n"] : [])];
      expect([...(await postfix.delivered(address))].sort(), address).toEqual(expected);
    }
  });

  test("a client that speaks for another is taken for it (XCLIENT)", async () => {
    const client = session(postfix.ports.plain, {
      tls: "off",
      xclient: { name: "other.example", addr: "192.0.2.7", helo: "helo.example" },
    });
    const delivery = await client.pipeline({
      id: "x",
      from: FROM,
      to: "name-0@example.net",
      data: "Subject: x\r\n\r\n",
    });
    expect(delivery.ok).toBe(true);
    await client.quit();
    await postfix.logs("client=other.example[192.0.2.7]");
  });
});
