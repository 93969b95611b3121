export type { ChunkingMode } from "./pipeline/chunking.ts";
export type {
  FailureStage,
  RecipientFailed,
  RecipientResult,
  RecipientSucceeded,
  RecipientUnknown,
} from "./pipeline/fate.ts";
export type { CommandGroup, Exchange, GroupRecipients } from "./pipeline/group.ts";
export type { Protocol } from "./pipeline/handshake.ts";
export type { CloseReason, PeerWarningCode } from "./pipeline/observer.ts";
export type { PeerFacts } from "./pipeline/peer.ts";
export type { PipeliningMode } from "./pipeline/pipeline.ts";
export type { Capabilities } from "./protocol/capabilities.ts";
export { classifyReply, type ReplyClass, retryAfter } from "./protocol/classify.ts";
export type { Command } from "./protocol/command.ts";
export type { DeliverBy } from "./protocol/deliver-by.ts";
export type { NotifyCondition } from "./protocol/dsn.ts";
export { SmtpError, type SmtpErrorCode, type SmtpErrorDetails } from "./protocol/errors.ts";
export type { Limits, Timeouts, Window } from "./protocol/limits.ts";
export type { Reply } from "./protocol/reply.ts";
export type {
  Credentials,
  MechanismName,
  PasswordCredentials,
  TokenCredentials,
} from "./protocol/sasl/exchange.ts";
export type { LineEndings } from "./protocol/text.ts";
export type { Xclient } from "./protocol/xclient.ts";
export type { FlushSummary } from "./session/backlog.ts";
export type { Auth, CredentialsRequest } from "./session/credentials.ts";
export type { ConnectTrace, GroupTrace, MessageTrace, RecipientTrace } from "./session/diagnostics.ts";
export type {
  CloseEvent,
  ConnectEvent,
  ConnectingEvent,
  ErrorEvent,
  GroupEndEvent,
  GroupStartEvent,
  MessageEndEvent,
  MessageEvent,
  MessageQueuedEvent,
  MessageStartEvent,
  PayloadOf,
  ReadyEvent,
  RecipientAcceptedEvent,
  RecipientFailedEvent,
  RecipientSucceededEvent,
  RecipientUnknownEvent,
  ReplyEvent,
  SentEvent,
  SessionEvent,
  SessionEventName,
  SessionEvents,
  WarningCode,
  WarningEvent,
} from "./session/events.ts";
export type {
  BeginSending,
  JournaledEvents,
  JournaledFate,
  JournaledSender,
  SendJournal,
} from "./session/journal.ts";
export type {
  Delivery,
  Message,
  MessageData,
  MessageRecipient,
  MessageText,
} from "./session/message.ts";
export type { ConnectTarget, SessionOptions, TlsMode } from "./session/options.ts";
export type { MessageDsn, MessageParameters } from "./session/parameters.ts";
export { BoundedPeerMemory, type PeerMemory } from "./session/peers.ts";
export { type SessionState, SmtpSession } from "./session/session.ts";
export type { WaitOptions } from "./session/wait.ts";
