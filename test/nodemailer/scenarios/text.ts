import { PassThrough } from "node:stream";
import type { SendMailOptions, Transporter } from "nodemailer";
import { cut, stall, type TestServer } from "smtp-pipelining/testing";
import { ENVELOPE, refusedRecipient, type Scenario, TWO } from "./scenario.ts";

const [bob, cid] = ["bob@example.net", "cid@example.net"] as const;
const UTF8 = "Subject: x\r\n\r\nGrüße\r\n";

/** The text, its fate, and what it is composed of. */
export const OF_THE_TEXT: readonly Scenario[] = [
  {
    name: "text refused",
    server: { replies: { text: "554 5.6.0 Spam" } },
    shows: { code: "EMESSAGE", command: "DATA", responseCode: 554 },
    again: "never",
  },
  {
    name: "text refused for now",
    server: { replies: { text: "451 4.3.0 Later" } },
    shows: { code: "EMESSAGE", command: "DATA", responseCode: 451 },
    again: "again",
  },
  {
    name: "text refused, and a recipient before it",
    mail: TWO,
    server: { replies: { text: "554 5.6.0 Spam", "RCPT TO:<bob@": "550 5.1.1 No" } },
    shows: { code: "EMESSAGE", responseCode: 554 },
    again: "never",
    ours: {
      because: "who was refused before is told, too",
      says: { rejected: [bob], rejectedErrors: [refusedRecipient(bob, "550 5.1.1 No")] },
    },
  },
  {
    name: "the server closes behind the text",
    server: { replies: { text: "421 4.3.2 Down" } },
    shows: { code: "EMESSAGE", responseCode: 421 },
    again: "again",
  },
  {
    name: "cut in the middle of the text",
    mail: () => ({ raw: unfinished() }),
    options: { composeInMemory: 1_000 },
    server: { faults: [cut({ afterReceived: 20_000, how: "fin" })] },
    shows: { sent: false, code: "ECONNECTION", command: "CONN" },
    again: "again",
  },
  {
    name: "cut behind the dot",
    mail: TWO,
    server: { faults: [cut({ at: "text" })] },
    shows: { sent: false, code: "ESOCKET", originalCode: "ECONNRESET" },
    again: "unknown",
    ours: { because: "whose fate is unknown is told", says: { unknown: [bob, cid] } },
  },
  {
    name: "closed behind the dot",
    server: { faults: [cut({ at: "text", how: "fin" })] },
    shows: { sent: false, code: "ECONNECTION", command: "CONN" },
    again: "unknown",
    ours: { because: "whose fate is unknown is told", says: { unknown: [bob] } },
  },
  {
    name: "silent behind the dot",
    server: { faults: [stall({ at: "text" })] },
    options: { socketTimeout: 100 },
    shows: { code: "ETIMEDOUT", timeoutType: "SOCKET_TIMEOUT" },
    again: "unknown",
    ours: { because: "whose fate is unknown is told", says: { unknown: [bob] } },
  },
  {
    name: "larger than SIZE",
    server: { extensions: ["SIZE 100"] },
    shows: { code: "EMESSAGE", command: "DATA", responseCode: 552 },
    again: "never",
    ours: {
      because: "its size is known, and nothing of it is sent",
      instead: { sent: false, name: "Error", code: "EMESSAGE", command: "MAIL FROM" },
    },
  },
  {
    name: "8 bits",
    mail: { raw: UTF8 },
    shows: { sent: true },
    ours: {
      because: "the text has octets above 127, and the server is told (RFC 6152)",
      envelopes: [["MAIL FROM:<ann@example.org> BODY=8BITMIME", ENVELOPE[1] ?? ""]],
    },
  },
  {
    name: "8 bits, and the server does not offer them",
    server: { extensions: ["PIPELINING"] },
    mail: { raw: UTF8 },
    shows: { sent: true },
    again: "never",
    ours: {
      because: "a server that does not offer them may spoil them (RFC 6152)",
      instead: { sent: false, name: "Error", code: "EENVELOPE", command: "MAIL FROM" },
      envelopes: [],
    },
  },
  {
    name: "letters beyond ASCII in 7 bits",
    mail: { subject: "Grüße", text: "Grüße" },
    shows: { sent: true },
  },
  { name: "lines that begin with dots", mail: { text: ".\r\n..\r\n." }, shows: { sent: true } },
  {
    name: "what it is composed of fails",
    mail: () => ({ text: failing() }),
    shows: { code: "ESTREAM", command: "API" },
    again: "never",
  },
  {
    name: "an attachment that is not there",
    mail: { attachments: [{ path: "/nonexistent/file" }] },
    shows: { code: "ESTREAM", originalCode: "ENOENT", syscall: "open" },
    again: "never",
  },
  {
    name: "aborted before",
    mail: () => ({ signal: AbortSignal.abort("enough") }),
    shows: { name: "AbortError", code: "EABORT" },
  },
  {
    name: "aborted while the connection is made",
    server: { faults: [stall({ at: "greeting" })] },
    run: abortedAt("greeting"),
    shows: { name: "AbortError", code: "EABORT" },
    again: "again",
  },
  {
    name: "aborted behind the dot",
    server: { faults: [stall({ at: "text" })] },
    run: abortedAt("text"),
    shows: { name: "AbortError", code: "EABORT" },
    again: "unknown",
    ours: { because: "whose fate is unknown is told", says: { unknown: [bob] } },
  },
  {
    name: "LMTP",
    server: { protocol: "lmtp" },
    options: { lmtp: true },
    mail: TWO,
    shows: { accepted: [bob, cid] },
  },
  {
    name: "LMTP, one of two refused",
    server: { protocol: "lmtp", replies: { "text <bob@": "550 5.2.2 Full" } },
    options: { lmtp: true },
    mail: TWO,
    shows: { accepted: [cid], rejected: [bob] },
  },
  {
    name: "LMTP, all refused",
    server: { protocol: "lmtp", replies: { text: "550 5.2.2 Full" } },
    options: { lmtp: true },
    shows: { sent: true, accepted: [], rejected: [bob] },
    again: "never",
    ours: {
      because: "a message that nobody got is an error, as in SMTP",
      instead: {
        sent: false,
        name: "Error",
        message: "Can't send mail - all recipients were rejected: 550 5.2.2 Full",
        code: "EMESSAGE",
        command: "DATA",
        response: "550 5.2.2 Full",
        responseCode: 550,
        permanent: true,
        rejected: [bob],
        rejectedErrors: [
          {
            ...refusedRecipient(bob, "550 5.2.2 Full"),
            message: "Message failed for recipient bob@example.net: 550 5.2.2 Full",
            code: "EMESSAGE",
            command: "DATA",
          },
        ],
      },
    },
  },
];

function failing(): PassThrough {
  const stream = new PassThrough();
  stream.write("begun");
  setImmediate(() => stream.destroy(new Error("The disk is gone")));
  return stream;
}

/** A text of which some comes, and no more. */
function unfinished(): PassThrough {
  const stream = new PassThrough({ highWaterMark: 100_000 });
  stream.write(`Subject: x\r\n\r\n${`${"x".repeat(76)}\r\n`.repeat(500)}`);
  return stream;
}

/** Sends, and fires the signal when the command has come. */
function abortedAt(key: string) {
  return async (transporter: Transporter, server: TestServer, mail: SendMailOptions): Promise<unknown> => {
    const controller = new AbortController();
    const sent = transporter.sendMail({ ...mail, signal: controller.signal });
    void server.received(key).then(() => controller.abort("enough"));
    return sent;
  };
}
