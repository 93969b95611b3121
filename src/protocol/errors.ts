import type { Reply } from "./reply.ts";

/**
 * What went wrong, as a program can act on it. Match on `error.code`, never on class or text.
 *
 * | code | meaning | what to do |
 * |---|---|---|
 * | `ESMTP_CONNECT` | no connection could be made (refused, unreachable, no such host) | check host and port; `cause` has the system's error |
 * | `ESMTP_CONNECTION_LOST` | the connection ended in mid-session | resend what is retryable |
 * | `ESMTP_TIMEOUT` | a deadline of RFC 5321 §4.5.3.2 passed | resend what is retryable; see the option `timeouts` |
 * | `ESMTP_GREETING_REFUSED` | the server's greeting was not 220 | wait (4xx) or use another server (5xx) |
 * | `ESMTP_HELLO_REFUSED` | EHLO and HELO (LMTP: LHLO) were refused | check the option `name` |
 * | `ESMTP_TLS_UNAVAILABLE` | `tls: "required"`, and the server offers no STARTTLS, or refuses it | use another port or server; never `"off"` for secrets |
 * | `ESMTP_TLS_FAILED` | TLS could not be agreed on, or the certificate is not trusted | see `cause`; `tlsOptions.ca` for a certificate of your own |
 * | `ESMTP_TLS_INJECTION` | something was sent in plain text behind the 220 that answers STARTTLS | somebody may be on the path: find out who |
 * | `ESMTP_AUTH_UNAVAILABLE` | the server offers no AUTH, or no mechanism that fits the credentials | check port and `auth.mechanisms` |
 * | `ESMTP_AUTH_INSECURE` | only mechanisms that show the secret are offered, and no verified TLS protects it | use `tls: "required"`; `allowInsecureAuth` only where nobody can listen |
 * | `ESMTP_AUTH_FAILED` | the server refuses the credentials, or did not prove that it knows them | correct them (5xx), or wait (4xx) |
 * | `ESMTP_CREDENTIALS` | the function that gives the credentials failed, or gave none | see `cause` |
 * | `ESMTP_XCLIENT` | the server does not offer XCLIENT, or refuses it | have it allow this client |
 * | `ESMTP_SERVER_CLOSING` | the server said 421, or refused what cannot be refused, and closed | resend what is retryable, later |
 * | `ESMTP_MAIL_LIMIT` | the server takes no more messages of one session (LIMITS MAILMAX) | resend what is retryable in a new session |
 * | `ESMTP_AUTH_REQUIRED` | MAIL was answered 530 | authenticate, or use another port |
 * | `ESMTP_OUT_OF_STEP` | a reply came that no command asked for, or that cannot answer its command | resend what is retryable; the server breaks the protocol |
 * | `ESMTP_MALFORMED_REPLY` | the server sent something that is no reply | check that the port speaks SMTP |
 * | `ESMTP_REPLY_TOO_LONG` | a reply exceeded `limits.replyLine` or `limits.replyLines` | the same |
 * | `ESMTP_FOLLOW_ON` | the server mishandled what was pipelined behind a message | resend what is retryable; the peer is remembered |
 * | `ESMTP_EARLY_MISMATCH` | the server has changed since the last connection, and asked for a text by what was sent to it early (PIPECONNECT) | resend what is retryable; it is not spoken to early again |
 * | `ESMTP_WRONG_TRANSACTION` | the server would have taken the text under another transaction's sender | resend what is retryable |
 * | `ESMTP_EARLY_REPLY` | the server answered a text that was not finished | see the fate of the message |
 * | `ESMTP_INVALID_ADDRESS` | an address has no place in a command | correct the address |
 * | `ESMTP_INVALID_PARAMETER` | a parameter of the message is unfit | correct the message |
 * | `ESMTP_UNSUPPORTED` | the server lacks an extension that the message needs, or the connection verified TLS (`requireTls`) | use another server or another encoding |
 * | `ESMTP_SIZE_EXCEEDED` | the message is larger than the server's SIZE | send a smaller message |
 * | `ESMTP_NOT_ALL_ACCEPTED` | `requireAllRecipients`, and one was refused | correct the refused recipient |
 * | `ESMTP_SOURCE_FAILED` | the message's data threw, ended short, or was not what was declared | see `cause` |
 * | `ESMTP_SOURCE_TIMEOUT` | the message's data was silent for `timeouts.text` | see why the source stalls |
 * | `ESMTP_SOURCE_CONSUMED` | the message's stream had been read from before | pass a function that opens it anew |
 * | `ESMTP_JOURNAL` | the journal can't be read or written: nothing was sent without it | see `cause`; make room on the disk |
 * | `ESMTP_JOURNAL_LOCKED` | another process has the journal open | end that one first |
 * | `ESMTP_JOURNAL_DAMAGED` | the journal has lost a part of what was written | restore it, or begin a new one |
 * | `ESMTP_JOURNAL_DUPLICATE` | the journal has a message with this id that is done, unknown or being sent | use ids once; `resend()` what is unknown |
 * | `ESMTP_ABORTED` | an AbortSignal fired | nothing: it was asked for |
 * | `ESMTP_DESTROYED` | `destroy()` was called | nothing: it was asked for |
 * | `ESMTP_CLOSED` | the session was closed already | use a new session |
 */
export type SmtpErrorCode =
  | "ESMTP_CONNECT"
  | "ESMTP_CONNECTION_LOST"
  | "ESMTP_TIMEOUT"
  | "ESMTP_GREETING_REFUSED"
  | "ESMTP_HELLO_REFUSED"
  | "ESMTP_TLS_UNAVAILABLE"
  | "ESMTP_TLS_FAILED"
  | "ESMTP_TLS_INJECTION"
  | "ESMTP_AUTH_UNAVAILABLE"
  | "ESMTP_AUTH_INSECURE"
  | "ESMTP_AUTH_FAILED"
  | "ESMTP_CREDENTIALS"
  | "ESMTP_XCLIENT"
  | "ESMTP_SERVER_CLOSING"
  | "ESMTP_MAIL_LIMIT"
  | "ESMTP_AUTH_REQUIRED"
  | "ESMTP_OUT_OF_STEP"
  | "ESMTP_MALFORMED_REPLY"
  | "ESMTP_REPLY_TOO_LONG"
  | "ESMTP_FOLLOW_ON"
  | "ESMTP_EARLY_MISMATCH"
  | "ESMTP_WRONG_TRANSACTION"
  | "ESMTP_EARLY_REPLY"
  | "ESMTP_INVALID_ADDRESS"
  | "ESMTP_INVALID_PARAMETER"
  | "ESMTP_UNSUPPORTED"
  | "ESMTP_SIZE_EXCEEDED"
  | "ESMTP_NOT_ALL_ACCEPTED"
  | "ESMTP_SOURCE_FAILED"
  | "ESMTP_SOURCE_TIMEOUT"
  | "ESMTP_SOURCE_CONSUMED"
  | "ESMTP_JOURNAL"
  | "ESMTP_JOURNAL_LOCKED"
  | "ESMTP_JOURNAL_DAMAGED"
  | "ESMTP_JOURNAL_DUPLICATE"
  | "ESMTP_ABORTED"
  | "ESMTP_DESTROYED"
  | "ESMTP_CLOSED";

/** What an {@link SmtpError} carries beside its code and message. */
export interface SmtpErrorDetails {
  /** The command the error belongs to, without its arguments: `"MAIL"`. */
  command?: string | undefined;
  /** The reply that caused it. */
  reply?: Reply | undefined;
  /** Whether the same thing may succeed later or elsewhere. Default false. */
  retryable?: boolean | undefined;
  /** The underlying error. */
  cause?: unknown;
}

/** The one error class of this package; see {@link SmtpErrorCode} for its codes. */
export class SmtpError extends Error {
  override readonly name = "SmtpError";
  readonly code: SmtpErrorCode;
  /** Whether the same thing may succeed later or on another connection. */
  readonly retryable: boolean;
  /** The command that it belongs to, without its arguments. */
  declare readonly command?: string;
  /** The server's reply, if one caused the error. */
  declare readonly reply?: Reply;

  constructor(code: SmtpErrorCode, message: string, details: SmtpErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? false;
    if (details.command !== undefined) this.command = details.command;
    if (details.reply !== undefined) this.reply = details.reply;
  }
}
