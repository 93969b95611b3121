import { classifyReply, type Reply, type ReplyClass, retryAfter } from "smtp-pipelining";
import { describe, expect, test } from "vitest";

/** A reply as it stands in logs: code, enhanced code if any, text. */
function reply(line: string): Reply {
  const [, code = "", enhanced, text = ""] =
    /^(\d{3})[ -](?:(\d\.\d{1,3}\.\d{1,3}) )?(.*)$/s.exec(line) ?? [];
  const whole = enhanced === undefined ? text : `${enhanced} ${text}`;
  return { code: Number(code), ...(enhanced !== undefined && { enhanced }), lines: [whole], text: whole };
}

/** As servers say it, by what it means. */
const REPLIES: Readonly<Record<ReplyClass, readonly (readonly [server: string, line: string])[]>> = {
  "mailbox-full": [
    [
      "Gmail",
      "452 4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaTemp",
    ],
    [
      "Gmail",
      "552 5.2.2 The email account that you tried to reach is over quota. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaPerm",
    ],
    ["Dovecot", "552 5.2.2 <ann@example.net> Quota exceeded (mailbox for user is full)"],
    ["Dovecot", "452 4.2.2 <ann@example.net> Quota exceeded (mailbox for user is full)"],
    ["Exchange", "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException"],
    ["Cyrus", "452 4.2.2 Over quota SESSIONID=<cyrus-1>"],
    ["Yahoo", "552 1 Requested mail action aborted, mailbox not found or user account over quota"],
    ["Exim", "550 Mailbox is full / Blocks limit exceeded / Inode limit exceeded"],
    ["Communigate", "552 ann@example.net account is full (quota exceeded)"],
    ["Courier", "552 ann@example.net exceeded storage allocation quota"],
  ],
  "bad-address": [
    [
      "Gmail",
      "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces.",
    ],
    [
      "Gmail",
      "550 5.2.1 The email account that you tried to reach is inactive. Learn more at https://support.google.com/mail/?p=DisabledUser",
    ],
    [
      "Postfix",
      "550 5.1.1 <ann@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
    ],
    [
      "Postfix",
      "550 5.1.1 <ann@example.net>: Recipient address rejected: User unknown in local recipient table",
    ],
    ["Sendmail", "550 5.1.1 <ann@example.net>... User unknown"],
    [
      "Exchange Online",
      "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    ],
    ["Outlook.com", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."],
    ["Yahoo", "554 delivery error: dd This user doesn't have a yahoo.com account (ann@yahoo.com) [0]"],
    ["Exim", "550 Unrouteable address"],
    ["Exim", "550 unknown user"],
    ["Exim", "550 No such user here"],
    ["qmail", "511 sorry, no mailbox here by that name (#5.1.1 - chkuser)"],
    ["Haraka", "550 Invalid recipient <spam-trap@example.net>"],
    ["hMailServer", "550 Unknown user"],
    [
      "mail.ru",
      "550 Message was not accepted -- invalid mailbox. Local mailbox ann@mail.ru is unavailable: user not found",
    ],
    ["GMX", "550 Requested action not taken: mailbox unavailable"],
    ["Net::Server::Mail", "550 No such recipient"],
    ["OpenSMTPD", "550 Invalid recipient: <ann@example.net>"],
  ],
  policy: [
    [
      "Spamhaus, Postfix",
      "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1",
    ],
    [
      "Gmail",
      "550 5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.",
    ],
    [
      "Gmail",
      "550 5.7.1 Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked.",
    ],
    [
      "Outlook.com",
      "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
    ],
    ["Postfix", "554 5.7.1 <ann@example.net>: Relay access denied"],
    ["Postfix", "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]"],
    [
      "Exchange Online",
      "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification and has a DMARC policy of reject.",
    ],
    [
      "Yahoo",
      "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
    ],
    ["Exim", "550 This message contains a virus (Eicar-Test-Signature)."],
    ["Exim", "550 relay not permitted"],
    ["SpamAssassin milter", "550 5.7.1 Blocked by SpamAssassin"],
    ["Barracuda", "554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation"],
    ["iCloud", "554 5.7.1 [CS01] Message rejected due to local policy."],
    ["Proofpoint", "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1"],
    ["Exchange", "550 5.7.1 Client does not have permissions to send as this sender"],
  ],
  "rate-limit": [
    [
      "Gmail",
      "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time.",
    ],
    [
      "Gmail",
      "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.",
    ],
    [
      "Gmail",
      "421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited.",
    ],
    [
      "Gmail",
      "550 5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to https://support.google.com/a/answer/166852",
    ],
    [
      "Yahoo",
      "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
    ],
    ["Exchange Online", "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)"],
    [
      "Outlook.com",
      "421 RP-001 (BAY) The mail server IP connecting to Outlook.com server has exceeded the rate limit allowed.",
    ],
    [
      "Outlook.com",
      "421 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
    ],
    ["Postfix", "450 4.7.1 Error: too much mail from 192.0.2.1"],
    ["Postfix", "421 4.7.0 mx.example.net Error: too many connections from 192.0.2.1"],
    ["Postfix", "450 4.7.1 Error: too many recipients from 192.0.2.1"],
    ["Exim", "421 Too many concurrent SMTP connections from this IP address; please try again later."],
    ["Sendmail", "421 4.3.2 Connection rate limit exceeded."],
    ["GMX", "421 Too many connections from your host"],
    ["Policyd", "450 4.7.1 Sender rate limit exceeded"],
    ["Haraka", "450 connection rate limit exceeded"],
    [
      "Free.fr",
      "421 Too many spams from your IP (192.0.2.1), please visit http://postmaster.free.fr/ and slow down",
    ],
  ],
  greylisted: [
    [
      "postgrey",
      "450 4.2.0 <ann@example.net>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.net.html",
    ],
    ["sqlgrey", "450 4.7.1 <ann@example.net>: Recipient address rejected: Greylisted for 5 minutes"],
    ["milter-greylist", "451 4.7.1 Greylisting in action, please come back in 00:05:00"],
    ["Haraka", "451 This mail has been greylisted. Try again in 10 minutes"],
    ["Exim", "451 Greylisted - please try again in a little while"],
    ["rspamd", "451 4.7.1 Try again later (greylisted)"],
    ["spamd", "451 Temporary failure, please try again later: graylisted"],
  ],
  temporary: [
    [
      "Postfix",
      "450 4.1.1 <ann@example.net>: Recipient address rejected: unverified address: Address lookup failed",
    ],
    ["Postfix", "452 4.3.1 Insufficient system storage"],
    ["Postfix", "451 4.3.0 Error: queue file write error"],
    ["Postfix", "451 4.3.5 Server configuration error"],
    ["Exim", "451 Temporary local problem - please try later"],
    ["Exim", "450 please try again later"],
    ["Sendmail", "451 4.4.3 Temporary lookup failure"],
    ["Dovecot", "451 4.3.0 Temporary internal failure"],
    ["any", "421 4.3.2 Service shutting down"],
    ["Postfix", "452 4.5.3 Error: too few hands"],
  ],
  permanent: [
    ["Postfix", "552 5.3.4 Message size exceeds fixed limit"],
    ["Exim", "552 Message size exceeds maximum permitted"],
    ["any", "503 5.5.1 Bad sequence of commands"],
    ["any", "555 5.5.4 Unsupported option: SIZE"],
    ["any", "554 5.6.3 Conversion required but not supported"],
    ["any", "550 5.4.6 Routing loop detected"],
  ],
};

describe.each(Object.entries(REPLIES))("%s", (expected, replies) => {
  test.each(replies)("%s: %s", (_, line) => {
    expect(classifyReply(reply(line))).toBe(expected);
  });
});

test("what refuses nothing has no class", () => {
  expect(classifyReply(reply("250 2.0.0 ok, greylisted no more"))).toBeUndefined();
  expect(classifyReply(reply("354 go"))).toBeUndefined();
});

test("5yz is never greylisted, whatever it says", () => {
  expect(classifyReply(reply("550 Greylisted, try again later"))).toBe("permanent");
});

test.each([
  ["451 4.7.1 Greylisting in action, please come back in 00:05:00", 300_000],
  ["450 4.7.1 Greylisted for 300 seconds", 300_000],
  ["451 greylisted. Try again in 10 minutes", 600_000],
  ["421 wait 2 hours", 7_200_000],
  ["451 try again after 90s", 90_000],
  ["451 try again in 9999 hours", 86_400_000],
  ["451 try again later", undefined],
  ["450 4.2.0 for <in5minutes@example.net>", undefined],
])("how long to wait: %s", (line, milliseconds) => {
  expect(retryAfter(reply(line))).toBe(milliseconds);
});

test("a long hostile text takes no time that grows with it", () => {
  for (const part of ["exceeded a ", "user a ", "in ", "(", "<", "too many a "]) {
    const text = part.repeat(200_000);
    const hostile = { code: 450, lines: [text], text };
    expect(classifyReply(hostile)).toBeDefined();
    expect(retryAfter(hostile)).toBeUndefined();
  }
});
