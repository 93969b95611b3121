import { createServer } from "node:net";
import { cut, stall, type TestServer } from "smtp-pipelining/testing";
import type { CommonOptions } from "../transporters.ts";
import { ACCEPTED, ENVELOPE, type Scenario } from "./scenario.ts";

const ACCOUNTS = { accounts: { ann: "secret" } };

/** The connection, TLS, who authenticates, and how it ends. */
export const OF_THE_CONNECTION: readonly Scenario[] = [
  {
    name: "connection refused",
    options: async () => ({ port: await closedPort() }),
    shows: { code: "ESOCKET", originalCode: "ECONNREFUSED", command: "CONN" },
    again: "again",
  },
  {
    name: "greeting 554",
    server: { replies: { greeting: "554 5.3.2 Not here" } },
    shows: { code: "EPROTOCOL", responseCode: 554, permanent: true },
    again: "again",
  },
  {
    name: "greeting 421",
    server: { replies: { greeting: "421 4.3.2 Not now" } },
    shows: { code: "EPROTOCOL", responseCode: 421, permanent: false },
    again: "again",
  },
  {
    name: "no greeting of SMTP",
    server: { replies: { greeting: "hello" } },
    shows: { code: "EPROTOCOL", command: "CONN" },
    again: "again",
    ours: { because: "what is no reply is not told as one", says: { response: undefined } },
  },
  {
    name: "closed before the greeting",
    server: { faults: [cut({ at: "greeting", when: "received", how: "fin" })] },
    shows: { code: "ECONNECTION", command: "CONN" },
    again: "again",
    pool: { command: undefined },
  },
  {
    name: "closed at MAIL",
    server: { faults: [cut({ at: "MAIL", how: "fin" })] },
    shows: { code: "ECONNECTION", command: "CONN" },
    again: "again",
  },
  {
    name: "without EHLO",
    server: { replies: { EHLO: "502 5.5.1 No EHLO" } },
    shows: { sent: true },
  },
  {
    name: "EHLO and HELO refused",
    server: { replies: { EHLO: "550 5.5.0 No", HELO: "550 5.5.0 No" } },
    shows: { code: "EPROTOCOL", command: "HELO", responseCode: 550 },
    again: "again",
  },
  {
    name: "the server closes at EHLO",
    server: { replies: { EHLO: "421 4.3.2 No" } },
    shows: { code: "ECONNECTION", command: "EHLO", responseCode: 421 },
    again: "again",
  },
  {
    name: "silent instead of a greeting",
    server: { faults: [stall({ at: "greeting" })] },
    options: { greetingTimeout: 100 },
    shows: { code: "ETIMEDOUT", timeoutType: "GREETING_TIMEOUT" },
    again: "again",
  },
  {
    name: "silent at MAIL",
    server: { faults: [stall({ at: "MAIL" })] },
    options: { socketTimeout: 100 },
    shows: { code: "ETIMEDOUT", timeoutType: "SOCKET_TIMEOUT" },
    again: "again",
  },
  {
    name: "STARTTLS with a trusted certificate",
    server: { tls: "starttls" },
    options: ({ certificate }) => ({ tls: { ca: certificate } }),
    shows: { sent: true },
  },
  {
    name: "STARTTLS with one that is not",
    server: { tls: "starttls" },
    shows: { code: "ESOCKET", originalCode: "DEPTH_ZERO_SELF_SIGNED_CERT" },
    again: "again",
  },
  {
    name: "STARTTLS, and the certificate does not matter",
    server: { tls: "starttls" },
    options: { tls: { rejectUnauthorized: false } },
    shows: { sent: true },
  },
  {
    name: "STARTTLS refused",
    server: { tls: "starttls", replies: { STARTTLS: "454 4.7.0 No" } },
    shows: { code: "ETLS", command: "STARTTLS", responseCode: 454 },
    ours: {
      because:
        "who can refuse STARTTLS could as well not offer it, and then both go on in plain text; requireTLS prevents either",
      instead: {
        ...ACCEPTED,
        ehlo: ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS"],
      },
      envelopes: [ENVELOPE],
    },
  },
  {
    name: "STARTTLS refused, and required",
    server: { tls: "starttls", replies: { STARTTLS: "454 4.7.0 No" } },
    options: { requireTLS: true },
    shows: { code: "ETLS", command: "STARTTLS", responseCode: 454 },
    again: "again",
  },
  {
    name: "STARTTLS refused, and opportunistic",
    server: { tls: "starttls", replies: { STARTTLS: "454 4.7.0 No" } },
    options: { opportunisticTLS: true },
    shows: { sent: true },
  },
  {
    name: "STARTTLS required, and not offered",
    options: { requireTLS: true },
    shows: { code: "ETLS", command: "STARTTLS", responseCode: 500 },
    again: "again",
    ours: {
      because: "a command that the server does not offer is not sent: there is no reply",
      says: { message: undefined, response: undefined, responseCode: undefined, permanent: undefined },
    },
  },
  {
    name: "STARTTLS ignored",
    server: { tls: "starttls" },
    options: { ignoreTLS: true },
    shows: { sent: true },
  },
  {
    name: "TLS from the first octet",
    server: { tls: "implicit" },
    options: ({ certificate }) => ({ secure: true, tls: { ca: certificate } }),
    shows: { sent: true },
  },
  {
    name: "TLS from the first octet with a certificate that is not trusted",
    server: { tls: "implicit" },
    options: { secure: true },
    shows: { code: "ESOCKET", originalCode: "DEPTH_ZERO_SELF_SIGNED_CERT" },
    again: "again",
  },
  {
    name: "TLS from the first octet with a certificate for another",
    server: { tls: "implicit" },
    options: ({ certificate }) => ({ secure: true, tls: { ca: certificate, servername: "other.example" } }),
    shows: { code: "ESOCKET", originalCode: "ERR_TLS_CERT_ALTNAME_INVALID" },
    again: "again",
  },
  {
    name: "TLS from the first octet to a server that begins in plain text",
    options: { secure: true },
    shows: { code: "ESOCKET", originalCode: "ERR_SSL_WRONG_VERSION_NUMBER" },
    again: "again",
  },
  {
    name: "authenticated",
    server: { tls: "implicit", ...ACCOUNTS },
    options: authenticated("secret"),
    shows: { sent: true },
  },
  {
    name: "AUTH refused",
    server: { tls: "implicit", ...ACCOUNTS },
    options: authenticated("wrong"),
    shows: { code: "EAUTH", responseCode: 535, command: "AUTH PLAIN" },
    again: "again",
    ours: {
      because: "several mechanisms may have been tried: which was the last is told by the log",
      says: { command: "AUTH" },
    },
  },
  {
    name: "AUTH refused for now",
    server: { tls: "implicit", ...ACCOUNTS, replies: { AUTH: "454 4.7.0 Later" } },
    options: authenticated("secret"),
    shows: { code: "EAUTH", responseCode: 454 },
    again: "again",
    ours: { because: "as above", says: { command: "AUTH" } },
  },
  {
    name: "AUTH not offered",
    server: { tls: "implicit" },
    options: authenticated("secret"),
    shows: { sent: true },
    again: "again",
    ours: {
      because: "who gives credentials wants to be known: nothing goes out without",
      instead: { sent: false, name: "Error", code: "EAUTH", command: "AUTH" },
      envelopes: [],
    },
  },
  {
    name: "AUTH in plain text",
    server: ACCOUNTS,
    options: { auth: { user: "ann", pass: "secret" } },
    shows: { sent: true },
    again: "again",
    ours: {
      because: "the password would be for everybody to read; ignoreTLS with allowInsecureAuth sends it",
      instead: { sent: false, name: "Error", code: "ETLS", command: "STARTTLS" },
      envelopes: [],
    },
  },
  {
    name: "REQUIRETLS in plain text",
    mail: { requireTLSExtensionEnabled: true },
    shows: { code: "EREQUIRETLS", command: "MAIL FROM" },
    again: "never",
  },
  {
    name: "REQUIRETLS, and the server does not offer it",
    server: { tls: "starttls" },
    options: ({ certificate }) => ({ tls: { ca: certificate } }),
    mail: { requireTLSExtensionEnabled: true },
    shows: { code: "EREQUIRETLS", command: "MAIL FROM" },
    again: "never",
  },
  {
    name: "closed before",
    run: (transporter, _server, mail) => {
      transporter.close();
      return transporter.sendMail(mail);
    },
    shows: { sent: true },
    pool: { ...without(ACCEPTED), ehlo: undefined, sent: false, name: "Error", code: "ECONNECTION" },
    again: "again",
    ours: {
      because: "it is a pool",
      instead: { sent: false, name: "Error", code: "ECONNECTION" },
      envelopes: [],
    },
  },
  { name: "verify()", run: (transporter) => transporter.verify(), shows: { value: true } },
  {
    name: "verify() with a callback",
    run: (transporter) =>
      new Promise((resolve, reject) =>
        transporter.verify((error, success) => (error ? reject(error) : resolve(success))),
      ),
    shows: { value: true },
  },
  {
    name: "verify(), greeting 554",
    server: { replies: { greeting: "554 5.3.2 Not here" } },
    run: (transporter) => transporter.verify(),
    shows: { code: "EPROTOCOL", responseCode: 554 },
    ours: { because: "it says more", says: { retryable: false } },
  },
  {
    name: "verify(), connection refused",
    options: async () => ({ port: await closedPort() }),
    run: (transporter) => transporter.verify(),
    shows: { code: "ESOCKET", originalCode: "ECONNREFUSED" },
    ours: { because: "it says more", says: { retryable: true } },
  },
  {
    name: "verify(), AUTH refused",
    server: { tls: "implicit", ...ACCOUNTS },
    options: authenticated("wrong"),
    run: (transporter) => transporter.verify(),
    shows: { code: "EAUTH", responseCode: 535 },
    ours: { because: "as above", says: { command: "AUTH", retryable: false } },
  },
];

function authenticated(pass: string) {
  return ({ certificate }: TestServer): CommonOptions => ({
    secure: true,
    tls: { ca: certificate },
    auth: { user: "ann", pass },
  });
}

function without(outcome: object): Record<string, undefined> {
  return Object.fromEntries(Object.keys(outcome).map((key) => [key, undefined]));
}

/** The port of a server that is gone. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
