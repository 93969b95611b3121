import { BoundedPeerMemory, type SessionOptions } from "smtp-pipelining";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CERTIFICATE } from "../../support/certificate.ts";
import { eximSkipped, type RunningExim, startExim } from "../../support/real-servers/exim.ts";
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
const USER = { name: "anna", password: "pass, word=1" };
const START = 60_000;

/** What the server below says. */
const SAID: Said = {
  refused: {
    "nobody@example.net": "failed rcpt 550 false",
    "busy@example.net": "failed rcpt 451 true",
    "someone@elsewhere.example": "failed rcpt 550 false",
  },
  taken: "succeeded message 250",
  unwanted: "failed message 550 false",
};

describe.skipIf(eximSkipped)("Exim", () => {
  let exim: RunningExim;
  beforeAll(async () => {
    exim = await startExim({ mailboxes: MAILBOXES, user: USER });
    console.log(`Exim ${exim.version}`);
  }, START);
  afterAll(() => exim?.stop());

  const modes: readonly [string, number, keyof RunningExim["ports"], Partial<SessionOptions>, object][] = [
    ["chunking-bursts", 500, "plain", {}, { secure: false }],
    ["chunking-strict", 500, "plain", { chunking: "strict" }, { secure: false }],
    ["chunking-off", 500, "plain", { chunking: "off" }, { secure: false }],
    ["lock-step", 40, "plain", { pipelining: "off" }, { secure: false }],
    ["STARTTLS-required", 100, "starttls", { tls: "required", tlsOptions: TRUSTED }, { verified: true }],
    ["STARTTLS-opportunistic", 40, "starttls", {}, { secure: true, verified: false }],
    ["TLS-implicit", 100, "tls", { tls: "implicit", tlsOptions: TRUSTED }, { secure: true, verified: true }],
  ];
  test.each(modes)(
    "%s: what became of %i messages is what was delivered",
    { timeout: START },
    async (name, count, port, options, facts) => {
      const client = session(exim.ports[port], options);
      const ready = new Promise((resolve) => client.once("ready", resolve));
      const sent = messages(name, count);
      const deliveries = await Promise.all(sent.map((message) => client.pipeline(message)));
      expect(await ready).toMatchObject(facts);
      expect(deliveries.flatMap(fates)).toEqual(sent.flatMap((each) => expectedFates(each, SAID)));
      await client.quit();
      await expectDelivered(name, sent, exim.delivered);
    },
  );

  test("is spoken to early by the second session (PIPECONNECT), and takes it", async () => {
    const peers = new BoundedPeerMemory();
    const groups: string[][] = [];
    for (const round of ["first", "second"]) {
      const client = session(exim.ports.plain, { peers, chunking: "off" });
      client.on("groupEnd", ({ group }) => groups.push(group.exchanges.map(({ command }) => command)));
      const text = `Subject: early ${round}\r\n\r\nEarly.\r\n`;
      const delivery = await client.pipeline({ from: FROM, to: "anna@example.net", data: text });
      expect(delivery.ok).toBe(true);
      await client.quit();
      expect(await exim.delivered("anna@example.net")).toContain(text);
    }
    expect(groups).toEqual([
      ["greeting"],
      ["EHLO"],
      ["MAIL", "RCPT", "DATA"],
      ["text"],
      ["QUIT"],
      ["greeting", "EHLO", "MAIL", "RCPT", "DATA"],
      ["text"],
      ["QUIT"],
    ]);
  });

  test("takes a user under TLS (AUTH PLAIN), and no other", async () => {
    const tls = { tls: "required", tlsOptions: TRUSTED } as const;
    const elsewhere = { from: FROM, to: "someone@elsewhere.example", data: "Subject: auth\r\n\r\n" };
    const user = session(exim.ports.starttls, { ...tls, auth: { user: USER.name, pass: USER.password } });
    expect((await user.pipeline(elsewhere)).ok).toBe(true);
    await user.quit();
    const other = session(exim.ports.starttls, { ...tls, auth: { user: USER.name, pass: "wrong" } });
    expect((await other.pipeline(elsewhere)).error?.code).toBe("ESMTP_AUTH_FAILED");
  });
});

describe.skipIf(eximSkipped)("Exim with its own limits", () => {
  let exim: RunningExim;
  beforeAll(async () => {
    const settings = {
      smtp_accept_max_per_connection: "30",
      smtp_accept_max_nonmail: "10",
      smtp_max_synprot_errors: "3",
    };
    exim = await startExim({ mailboxes: MAILBOXES, user: USER, settings });
  }, START);
  afterAll(() => exim?.stop());

  test.each(["auto", "strict", "off"] as const)(
    "hangs up in the middle (chunking %s): what is said to be delivered is, the rest may go again, nothing is unknown",
    async (chunking) => {
      const client = session(exim.ports.plain, { chunking, peers: new BoundedPeerMemory() });
      const sent = Array.from({ length: 60 }, (_, i) => ({
        id: `limits-${i}`,
        from: FROM,
        to: i % 3 === 2 ? "nobody@example.net" : "anna@example.net",
        data: `Subject: ${chunking} ${i}\r\n\r\n`,
      }));
      const deliveries = await Promise.all(sent.map((message) => client.pipeline(message)));
      const results = deliveries.flatMap(({ recipients }) => recipients);
      const taken = deliveries.filter(({ ok }) => ok).length;
      expect(taken).toBeGreaterThan(5);
      expect(taken).toBeLessThan(40);
      // Cut off, or told that it is enough: Exim says 421 to MAIL, and goes on.
      const lost = results.filter((each) => each.status !== "succeeded" && each.stage !== "rcpt");
      expect(lost.length).toBeGreaterThan(0);
      expect(lost.every((result) => result.status === "failed" && result.retryable)).toBe(true);
      const delivered = await exim.delivered("anna@example.net");
      const mine = delivered.filter((text) => text.startsWith(`Subject: ${chunking} `)).sort();
      expect(mine).toEqual(
        sent
          .filter((_, i) => deliveries[i]?.ok)
          .map(({ data }) => data)
          .sort(),
      );
    },
  );
});
