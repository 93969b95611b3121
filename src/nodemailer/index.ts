export type { NodemailerAuth, ProvisionCallback } from "./auth.ts";
export type { NodemailerError } from "./errors.ts";
export type { ExternalLogger } from "./logger.ts";
export type { Mail } from "./mail.ts";
export type { NodemailerOptions, PipeliningTransportOptions } from "./options.ts";
export type { SentMessageInfo } from "./outcome.ts";
export type { GetSocket, SocketOptions } from "./proxy.ts";
export {
  type PipeliningTransport,
  pipeliningTransport,
  type SendCallback,
  type TransportEvents,
  type VerifyCallback,
} from "./transport.ts";
