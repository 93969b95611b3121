import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { SmtpError } from "../protocol/errors.ts";
import { causeText } from "./check.ts";
import type { ResolvedOptions } from "./options.ts";

/**
 * Puts TLS on a connection: SNI by the server's name, its certificate verified unless the mode is `opportunistic`
 * (RFC 7435: encryption without authentication is better than none).
 * @param signal ends the attempt, and the connection
 * @throws SmtpError `ESMTP_TLS_FAILED` or `ESMTP_TIMEOUT`
 */
export async function secureSocket(
  raw: Duplex,
  options: ResolvedOptions,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { host, tls, tlsOptions, timeouts } = options;
  const settings: ConnectionOptions = {
    rejectUnauthorized: tls !== "opportunistic",
    // An address is no server name (RFC 6066 §3); the certificate is checked against it all the same.
    ...(isIP(host) === 0 && { servername: host }),
    ...tlsOptions,
    host,
    socket: raw,
  };
  let stop = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(settings);
      // Stays: what fails behind the session's use of it must not end the process.
      socket.on("error", reject);
      socket.once("close", () => reject(new Error("the server closed the connection")));
      socket.once("secureConnect", () => resolve(socket));
      stop = () => socket.destroy(new Error("aborted"));
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      timer = setTimeout(() => {
        const message = `No TLS with ${host} within ${timeouts.tls} ms`;
        reject(new SmtpError("ESMTP_TIMEOUT", message, { command: "STARTTLS", retryable: true }));
      }, timeouts.tls);
    });
  } catch (cause) {
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
