import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { SmtpError } from "../protocol/errors.ts";
import type { ChannelBinding } from "../protocol/sasl/exchange.ts";
import { causeText } from "./check.ts";
import type { ResolvedOptions } from "./options.ts";
import { tlsSessions } from "./tls-sessions.ts";

/** A connection under TLS. */
export interface SecuredSocket {
  readonly socket: TLSSocket;
  /** Whether the server's certificate was verified: by this connection, or by the one whose session it resumes. */
  readonly verified: boolean;
}

/**
 * Puts TLS on a connection: SNI by the server's name, its certificate verified unless the mode is `opportunistic`
 * (RFC 7435: encryption without authentication is better than none). A session of before is resumed where there is one.
 * @param signal ends the attempt, and the connection
 * @throws SmtpError `ESMTP_TLS_FAILED` or `ESMTP_TIMEOUT`
 */
export async function secureSocket(
  raw: Duplex,
  options: ResolvedOptions,
  signal: AbortSignal,
): Promise<SecuredSocket> {
  const { port, tls, tlsOptions, timeouts, socketPath } = options;
  // The other end of a Unix socket is on this machine.
  const host = socketPath === undefined ? options.host : "localhost";
  const settings: ConnectionOptions = {
    rejectUnauthorized: tls !== "opportunistic",
    // An address is no server name (RFC 6066 §3); the certificate is checked against it all the same.
    ...(isIP(host) === 0 && { servername: host }),
    ...tlsOptions,
  };
  const key = `${options.host}:${port}`;
  // One of the caller's says nothing of how it was verified.
  const kept = settings.session === undefined ? tlsSessions.get(key, settings) : undefined;
  // Node.js compares no name where a session is resumed, and calls the socket authorized: whatever it was before.
  const verified = (socket: TLSSocket): boolean =>
    socket.authorized && (!socket.isSessionReused() || kept?.verified === true);
  let stop = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect({
        ...settings,
        ...(kept !== undefined && { session: kept.session }),
        host,
        socket: raw,
      });
      // Stays: what fails behind the session's use of it must not end the process.
      socket.on("error", reject);
      // Under TLS 1.3 it comes behind the handshake, more than once: the latest is the one to use.
      socket.on("session", (session: Buffer) =>
        tlsSessions.set(key, settings, { session, verified: verified(socket) }),
      );
      socket.once("close", () => reject(new Error("the server closed the connection")));
      socket.once("secureConnect", () => resolve({ socket, verified: verified(socket) }));
      stop = () => socket.destroy(new Error("aborted"));
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      timer = setTimeout(() => {
        const message = `No TLS with ${host} within ${timeouts.tls} ms`;
        reject(new SmtpError("ESMTP_TIMEOUT", message, { command: "STARTTLS", retryable: true }));
      }, timeouts.tls);
    });
  } catch (cause) {
    // It may have been the resumption that failed: the next connection begins anew.
    tlsSessions.delete(key);
    raw.destroy();
    if (cause instanceof SmtpError) throw cause;
    throw new SmtpError("ESMTP_TLS_FAILED", `TLS with ${host} failed: ${causeText(cause)}`, {
      retryable: true,
      cause,
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/**
 * What an authentication can be bound to: who relays it to another connection can't use it there. Only under TLS 1.3:
 * before, an exporter can be trusted only with an extension that Node.js does not tell of (RFC 9266 §4.2).
 */
export function channelBinding(socket: TLSSocket): ChannelBinding | undefined {
  if (socket.getProtocol() !== "TLSv1.3") return undefined;
  const data = socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  return { type: "tls-exporter", data };
}
