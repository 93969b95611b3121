import { type Delivery, type SessionOptions, SmtpSession } from "smtp-pipelining";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CERTIFICATE } from "../../support/certificate.ts";
import { dovecotSkipped, type RunningDovecot, startDovecot } from "../../support/real-servers/dovecot.ts";

/** What the server below says of each; of all others that they succeeded. */
const FATES: Readonly<Record<string, string>> = {
  "full@example.net": "failed message 552 5.2.2 false",
  "none@example.net": "failed rcpt 550 5.1.1 false",
};
const LISTS: readonly (readonly string[])[] = [
  ["anna@example.net"],
  ["anna@example.net", "full@example.net", "none@example.net", "bert@example.net"],
  // Nobody is left: RFC 2033 promises no reply to a text then.
  ["none@example.net"],
  ["full@example.net", "bert@example.net"],
  ["none@example.net", "anna@example.net"],
  ["bert@example.net", "anna@example.net"],
];
const BODIES: readonly string[] = [
  "Short.\r\n",
  ".\r\n..\r\n.dot\r\n",
  "QUIT\r\n.\r\nRSET\r\n",
  `${"x".repeat(70_000).replace(/.{900}/g, "$&\r\n.")}\r\n`,
  "",
];

function fates({ recipients }: Delivery): string[] {
  return recipients.map((result) => {
    const reply = result.status === "unknown" ? undefined : result.reply;
    const retryable = result.status === "failed" ? ` ${result.retryable}` : "";
    return `${result.address}: ${result.status} ${result.stage} ${reply?.code} ${reply?.enhanced}${retryable}`;
  });
}

describe.skipIf(dovecotSkipped)("LMTP to Dovecot", () => {
  let dovecot: RunningDovecot;
  beforeAll(async () => {
    dovecot = await startDovecot({
      users: [{ name: "anna" }, { name: "bert" }, { name: "full", quota: 10 }],
    });
  }, 60_000);
  afterAll(() => dovecot?.stop());

  const tcp = (): Partial<SessionOptions> => ({ host: "127.0.0.1", port: dovecot.lmtpPort });
  const ways: readonly [string, number, () => Partial<SessionOptions>][] = [
    ["TCP", 100, () => ({ ...tcp(), tls: "off" })],
    ["STARTTLS", 50, () => ({ ...tcp(), tls: "required", tlsOptions: { ca: CERTIFICATE } })],
    ["a Unix socket", 100, () => ({ socketPath: dovecot.lmtpSocket })],
    ["TCP, lock-step", 30, () => ({ ...tcp(), tls: "off", pipelining: "off" })],
  ];
  test.each(ways)("%s: each recipient of %i messages has a fate of its own", async (name, count, options) => {
    const client = new SmtpSession({ protocol: "lmtp", ...options() });
    onTestFinished(() => client.destroy());
    const sent = Array.from({ length: count }, (_, i) => ({
      from: "sender@example.org",
      to: LISTS[i % LISTS.length] ?? [],
      data: `Subject: ${name} ${i}\r\n\r\n${BODIES[i % BODIES.length]}`,
    }));
    const deliveries = await Promise.all(sent.map((message) => client.pipeline(message)));
    expect(deliveries.flatMap(fates)).toEqual(
      sent.flatMap(({ to }) =>
        to.map((address) => `${address}: ${FATES[address] ?? "succeeded message 250 2.0.0"}`),
      ),
    );
    await client.quit();

    for (const mailbox of ["anna@example.net", "bert@example.net"]) {
      const texts = await dovecot.delivered(mailbox);
      const mine = texts.filter((text) => text.startsWith(`Subject: ${name} `)).sort();
      const expected = sent
        .filter(({ to }) => to.includes(mailbox))
        .map(({ data }) => data)
        .sort();
      expect(mine.length, mailbox).toBe(expected.length);
      expect(
        mine.every((text, i) => text === expected[i]),
        mailbox,
      ).toBe(true);
    }
    expect(await dovecot.delivered("full@example.net")).toEqual([]);
  });
});
