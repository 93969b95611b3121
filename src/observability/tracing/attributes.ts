// The attributes of spans. `server.*`, `network.*` and `error.type` are OpenTelemetry's stable conventions,
// `messaging.*` are in development, and for SMTP there are none (semantic-conventions#1945): `smtp.*` are this
// package's own, experimental, and may change with a minor version.

export const SERVER_ADDRESS = "server.address";
export const SERVER_PORT = "server.port";
export const NETWORK_PEER_ADDRESS = "network.peer.address";
export const NETWORK_PEER_PORT = "network.peer.port";
export const NETWORK_PROTOCOL_NAME = "network.protocol.name";
export const ERROR_TYPE = "error.type";

export const MESSAGING_SYSTEM = "messaging.system";
export const MESSAGING_OPERATION_NAME = "messaging.operation.name";
export const MESSAGING_OPERATION_TYPE = "messaging.operation.type";
/** The caller's correlation id, as given: it is the caller's matter to put nothing private there. */
export const MESSAGING_MESSAGE_ID = "messaging.message.id";

export const SESSION_ID = "smtp.session.id";

/** The number of the message in the session; on links too. */
export const MESSAGE_SEQ = "smtp.message.seq";
/** On links: what of the message the group carries, `start` (its envelope), `end` (its text) or `whole`. */
export const MESSAGE_PART = "smtp.message.part";
/** Octets of text written. */
export const MESSAGE_SIZE = "smtp.message.size";
/** From `pipeline()` to its first command: milliseconds. */
export const MESSAGE_WAIT_MS = "smtp.message.wait_ms";

export const RECIPIENTS_COUNT = "smtp.recipients.count";
export const RECIPIENTS_ACCEPTED = "smtp.recipients.accepted";
export const RECIPIENTS_SUCCEEDED = "smtp.recipients.succeeded";
export const RECIPIENTS_FAILED = "smtp.recipients.failed";
export const RECIPIENTS_UNKNOWN = "smtp.recipients.unknown";
/** With `recordRecipients`: the addresses, at most {@link MOST}. */
export const RECIPIENTS_ADDRESSES = "smtp.recipients.addresses";
/** How many failed recipients have no event, because there were more than {@link MOST}. */
export const RECIPIENTS_EVENTS_DROPPED = "smtp.recipients.events_dropped";

/** The reply that decided the message. */
export const RESPONSE_STATUS_CODE = "smtp.response.status_code";
export const RESPONSE_ENHANCED_STATUS_CODE = "smtp.response.enhanced_status_code";

/** The span event of a recipient that failed, and its attributes. */
export const RECIPIENT_FAILED_EVENT = "smtp.recipient.failed";
export const RECIPIENT_STAGE = "smtp.recipient.stage";
export const RECIPIENT_RETRYABLE = "smtp.recipient.retryable";
/** With `recordRecipients`. */
export const RECIPIENT_ADDRESS = "smtp.recipient.address";

/** The span event of a message that a pool tries again, and how often it was begun by then. */
export const RETRY_EVENT = "smtp.retry";
export const RETRY_ATTEMPT = "smtp.retry.attempt";

export const GROUP_ID = "smtp.group.id";
export const GROUP_COMMANDS = "smtp.group.commands";
/** How many messages the group carries something of, from 2. */
export const GROUP_BATCH_SIZE = "smtp.group.batch_size";
export const GROUP_BYTES_SENT = "smtp.group.bytes_sent";
export const GROUP_REPLIES = "smtp.group.replies";
export const GROUP_FIRST_REPLY_MS = "smtp.group.first_reply_ms";
/** How many messages have no link, because there were more than {@link MOST}. */
export const GROUP_LINKS_DROPPED = "smtp.group.links_dropped";

/** At most so many links, events and addresses a span: SDKs drop above 128 and do not say so. */
export const MOST = 32;
