import { BoundedPeerMemory, type SessionOptions } from "smtp-pipelining";
import { describe, expect, onTestFinished, test } from "vitest";
import { smtpSinkSkipped, startSmtpSink } from "../../support/real-servers/smtp-sink.ts";
import { session } from "../../support/real-servers/workload.ts";

// Postfix's smtp-sink with each fault that it can be told to have: three messages, and what becomes of them.

/** Runs three messages, to two recipients each, against it. */
async function fatesOf(flags: readonly string[], options: Partial<SessionOptions> = {}): Promise<string[]> {
  const sink = await startSmtpSink(flags);
  onTestFinished(() => sink.stop());
  const client = session(sink.port, {
    peers: new BoundedPeerMemory(),
    timeouts: { closing: 100 },
    ...options,
  });
  const sent = [1, 2, 3].map((n) => ({
    from: `a${n}@example.org`,
    to: [`b${n}@example.net`, `c${n}@example.net`],
    data: `Text ${n}\r\n.\r\n`,
  }));
  const deliveries = await Promise.all(sent.map((message) => client.pipeline(message)));
  await client.quit();
  return deliveries.map(({ recipients }) => {
    const said = recipients.map((result) => {
      const why = result.status === "unknown" ? "" : (result.reply?.code ?? "");
      const error = result.status === "succeeded" ? "" : (result.error?.code ?? "");
      const again = result.status === "failed" && result.retryable ? "retryable" : "";
      return [result.status, result.stage, why, error, again].filter((word) => word !== "").join(" ");
    });
    return said[0] === said[1] ? (said[0] ?? "") : said.join(" / ");
  });
}

describe.skipIf(smtpSinkSkipped)("smtp-sink", () => {
  const lost = (why: string): string => `failed connection ${why} retryable`;
  const all = (fate: string): string[] => [fate, fate, fate];
  const taken = all("succeeded message 250");
  const hungUp = lost("ESMTP_CONNECTION_LOST");
  const closing = lost("ESMTP_SERVER_CLOSING");

  test.each<[flags: string, fates: readonly string[]]>([
    ["", taken],
    // refuses for good; it offers no PIPELINING then, so RSET is not needed, and QUIT comes when all is settled
    ["-f CONNECT", all(lost("ESMTP_GREETING_REFUSED"))],
    ["-f EHLO", taken], // it gets HELO
    ["-f MAIL", all("failed mail 500")],
    ["-f RCPT", all("failed rcpt 500")],
    ["-f DATA", all("failed data 500")],
    ["-f .", all("failed message 500")],
    ["-f RSET", taken],
    ["-f QUIT", taken],
    // refuses for now
    ["-r CONNECT", all(lost("ESMTP_GREETING_REFUSED"))],
    ["-r EHLO", all(lost("ESMTP_HELLO_REFUSED"))],
    ["-r MAIL", all("failed mail 450 retryable")],
    ["-r RCPT", all("failed rcpt 450 retryable")],
    ["-r DATA", all("failed data 450 retryable")],
    ["-r .", all("failed message 450 retryable")],
    ["-r RSET", taken],
    ["-r QUIT", taken],
    // hangs up
    ["-q CONNECT", all(hungUp)],
    ["-q EHLO", all(hungUp)],
    ["-q MAIL", all(hungUp)],
    ["-q RCPT", all(hungUp)],
    ["-q DATA", all(hungUp)],
    ["-q .", ["unknown connection ESMTP_CONNECTION_LOST", hungUp, hungUp]],
    ["-q RSET", ["succeeded message 250", hungUp, hungUp]],
    ["-q QUIT", taken],
    // says that it hangs up
    ["-Q CONNECT", all(lost("ESMTP_GREETING_REFUSED"))],
    ["-Q EHLO", all(lost("ESMTP_HELLO_REFUSED"))],
    ["-Q MAIL", all(closing)],
    ["-Q RCPT", [`failed rcpt 421 retryable / ${closing}`, closing, closing]],
    ["-Q DATA", ["failed data 421 retryable", closing, closing]],
    ["-Q .", ["failed message 421 retryable", closing, closing]],
    ["-Q RSET", ["succeeded message 250", closing, closing]],
    ["-Q QUIT", taken],
    // 550 right behind the 354, and it reads no more
    ["-A 0", ["failed message 550 ESMTP_EARLY_REPLY", lost("ESMTP_EARLY_REPLY"), lost("ESMTP_EARLY_REPLY")]],
    // looks like a firewall; no PIPELINING, no EHLO, no 8BITMIME; LMTP
    ["-P", taken],
    ["-p", taken],
    ["-e", taken],
    ["-8", taken],
    ["-L", taken],
  ])("%s", async (flags, fates) => {
    const protocol = flags === "-L" ? "lmtp" : "smtp";
    expect(await fatesOf(flags.split(" ").filter(Boolean), { protocol })).toEqual(fates);
  });

  test("-8: what needs 8BITMIME is not sent", async () => {
    const sink = await startSmtpSink(["-8"]);
    onTestFinished(() => sink.stop());
    const client = session(sink.port, {});
    const message = { from: "a@example.org", to: "b@example.net", data: "Größe\r\n" };
    expect((await client.pipeline(message)).failed).toMatchObject([
      { stage: "unsupported", error: { code: "ESMTP_UNSUPPORTED" } },
    ]);
    await client.quit();
  });
});
