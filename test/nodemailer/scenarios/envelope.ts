import type { SendMailOptions, Transporter } from "nodemailer";
import type { TestServer } from "smtp-pipelining/testing";
import { ENVELOPE, refusedRecipient, type Scenario, TWO } from "./scenario.ts";

const [bob, cid] = ["bob@example.net", "cid@example.net"] as const;
const NO_SUCH = "550 5.1.1 No such user";

/** Addresses, MAIL, RCPT and DATA. */
export const OF_THE_ENVELOPE: readonly Scenario[] = [
  { name: "accepted", shows: { sent: true, accepted: [bob], rejected: [] } },
  { name: "accepted for two", mail: TWO, shows: { sent: true, accepted: [bob, cid] } },
  {
    name: "one of two refused",
    mail: TWO,
    server: { replies: { "RCPT TO:<bob@": NO_SUCH } },
    shows: { accepted: [cid], rejected: [bob], rejectedErrors: [refusedRecipient(bob, NO_SUCH)] },
  },
  {
    name: "one of two refused for now",
    mail: TWO,
    server: { replies: { "RCPT TO:<cid@": "450 4.2.1 Busy" } },
    shows: { accepted: [bob], rejectedErrors: [refusedRecipient(cid, "450 4.2.1 Busy")] },
  },
  {
    name: "one of two refused, without PIPELINING",
    mail: TWO,
    server: { extensions: [], replies: { "RCPT TO:<bob@": NO_SUCH } },
    shows: { accepted: [cid], rejected: [bob] },
  },
  {
    name: "all refused",
    mail: TWO,
    server: { replies: { RCPT: NO_SUCH } },
    shows: { code: "EENVELOPE", command: "RCPT TO", responseCode: 550, rejected: [bob, cid] },
    again: "never",
  },
  {
    name: "all refused, one of them for now",
    mail: TWO,
    server: { replies: { "RCPT TO:<bob@": "450 4.2.1 Busy", "RCPT TO:<cid@": NO_SUCH } },
    shows: { code: "EENVELOPE", responseCode: 450, permanent: false },
    again: "again",
  },
  {
    name: "all refused, in several lines",
    server: { replies: { RCPT: "550-5.1.1 No\n550 5.1.1 such user" } },
    shows: { response: "550-5.1.1 No\n550 5.1.1 such user" },
    again: "never",
  },
  {
    name: "MAIL refused",
    server: { replies: { MAIL: "550 5.7.1 Not you" } },
    shows: { code: "EENVELOPE", command: "MAIL FROM", responseCode: 550 },
    again: "never",
  },
  {
    name: "MAIL refused for now",
    mail: TWO,
    server: { replies: { MAIL: "451 4.3.0 Not now" } },
    shows: { code: "EENVELOPE", command: "MAIL FROM", responseCode: 451 },
    again: "again",
  },
  {
    name: "MAIL out of sequence",
    server: { replies: { MAIL: "503 5.5.1 Sequence" } },
    shows: { code: "EENVELOPE", responseCode: 503, permanent: false },
    again: "again",
  },
  {
    name: "MAIL wants authentication",
    server: { replies: { MAIL: "530 5.7.0 Authentication required" } },
    shows: { code: "EENVELOPE", command: "MAIL FROM", responseCode: 530 },
    again: "again",
  },
  {
    name: "DATA refused",
    server: { replies: { DATA: "554 5.5.0 No" } },
    shows: { code: "EENVELOPE", command: "DATA", responseCode: 554 },
    again: "never",
  },
  {
    name: "DATA refused for now",
    server: { replies: { DATA: "451 4.3.0 No" } },
    shows: { code: "EENVELOPE", command: "DATA", responseCode: 451 },
    again: "again",
  },
  {
    name: "the server closes at MAIL",
    server: { replies: { MAIL: "421 4.3.2 Down" } },
    shows: { code: "EENVELOPE", command: "MAIL FROM", responseCode: 421 },
    again: "again",
    ours: {
      because: "it is about all that was on its way, not about this sender",
      says: {
        code: "ECONNECTION",
        command: "CONN",
        message: "Server closed the connection: 421 4.3.2 Down",
      },
    },
  },
  {
    name: "the server closes at RCPT",
    server: { replies: { RCPT: "421 4.3.2 Down" } },
    shows: { code: "ECONNECTION", command: "CONN", responseCode: 421 },
    again: "again",
    ours: {
      because: "it was an answer for one recipient, and who that was is told",
      says: {
        code: "EENVELOPE",
        command: "RCPT TO",
        message: "Can't send mail - all recipients were rejected: 421 4.3.2 Down",
        rejected: [bob],
        rejectedErrors: [refusedRecipient(bob, "421 4.3.2 Down")],
      },
    },
  },
  {
    name: "no recipients",
    mail: { to: [] },
    shows: { code: "EENVELOPE", command: "API" },
    again: "never",
  },
  {
    name: "a recipient that no command can hold",
    run: withEnvelope("ann@example.org", bob, "cid@exam>ple.net"),
    shows: { code: "EENVELOPE", command: "API" },
    again: "never",
  },
  {
    name: "an empty recipient",
    run: withEnvelope("ann@example.org", bob, ""),
    shows: { code: "EENVELOPE", command: "API" },
    again: "never",
  },
  {
    name: "a sender that no command can hold",
    run: withEnvelope("ann@example.org\r\nRSET", bob),
    shows: { code: "EENVELOPE", command: "API" },
    again: "never",
  },
  {
    name: "a recipient whose domain has a space",
    run: withEnvelope("ann@example.org", bob, "cid@exam ple.net"),
    shows: { accepted: [bob, "cid@exam ple.net"], rejected: [] },
    ours: {
      because: "that is no address (RFC 5321), and a server may take it for another or for a parameter",
      says: {
        accepted: [bob],
        rejected: ["cid@exam ple.net"],
        rejectedErrors: [{ name: "Error", code: "EENVELOPE", command: "API", recipient: "cid@exam ple.net" }],
      },
      envelopes: [ENVELOPE],
    },
  },
  {
    name: "the null sender",
    mail: { envelope: { from: "", to: [bob] } },
    shows: { sent: true, envelope: { from: "", to: [bob] } },
  },
  {
    name: "notifications",
    mail: { dsn: { id: "a+b c", return: "headers", notify: ["failure", "delay"], recipient: bob } },
    shows: { sent: true },
  },
  {
    name: "no notifications at all",
    mail: { dsn: { id: "1", return: "full", notify: "never", recipient: `rfc822;${bob}` } },
    shows: { sent: true },
  },
  {
    name: "notifications, and the server does not offer them",
    server: { extensions: ["PIPELINING"] },
    mail: { dsn: { id: "1", return: "full", notify: "failure", recipient: bob } },
    shows: { sent: true },
  },
  {
    name: "notifications of an unknown kind",
    mail: { dsn: { id: "1", return: "headers", notify: "sometimes", recipient: bob } },
    shows: { code: "EENVELOPE", command: "API" },
    again: "never",
  },
  {
    name: "an address that needs SMTPUTF8",
    mail: { to: "büro@example.net" },
    shows: { sent: true, accepted: ["büro@example.net"] },
    ours: {
      because: "the text has octets above 127: its header names that address",
      envelopes: [
        [
          "MAIL FROM:<ann@example.org> BODY=8BITMIME SMTPUTF8",
          // The server's lines have one character per octet.
          `RCPT TO:<${Buffer.from("büro").toString("latin1")}@example.net>`,
        ],
      ],
    },
  },
  {
    name: "an address that needs SMTPUTF8, and the server does not offer it",
    server: { extensions: ["PIPELINING", "8BITMIME"] },
    mail: { to: "büro@example.net" },
    shows: { sent: true },
    again: "never",
    ours: {
      because: "a server that does not offer it need not take it for the address it is (RFC 6531)",
      instead: {
        sent: false,
        name: "Error",
        code: "EENVELOPE",
        command: "MAIL FROM",
        rejected: ["büro@example.net"],
        rejectedErrors: [
          { name: "Error", code: "EENVELOPE", command: "MAIL FROM", recipient: "büro@example.net" },
        ],
      },
      envelopes: [],
    },
  },
  {
    name: "a domain beyond ASCII",
    mail: { to: "bob@bücher.example" },
    shows: { accepted: ["bob@xn--bcher-kva.example"] },
  },
];

/** Sends a mail with an envelope that nodemailer would not make of any address. */
function withEnvelope(from: string, ...to: string[]) {
  return (transporter: Transporter, _server: TestServer, mail: SendMailOptions): Promise<unknown> => {
    transporter.use("stream", ({ message }, done) => {
      message.getEnvelope = () => ({ from, to });
      done();
    });
    return transporter.sendMail(mail);
  };
}
