import type { Duplex } from "node:stream";
import { SmtpError } from "../protocol/errors.ts";
import { resolveOptions, type SessionOptions } from "../session/options.ts";
import { openSocket } from "../session/transport.ts";

/** What a function that makes connections gives: the connection, or false for one in the ordinary way. */
export interface SocketOptions {
  readonly connection?: Duplex | undefined;
  readonly [name: string]: unknown;
}

/** Makes a connection, as nodemailer's proxies do (`transporter.setupProxy(url)`). */
export type GetSocket = (
  options: { readonly host: string; readonly port: number },
  callback: (error: Error | null, socket?: SocketOptions | false) => void,
) => void;

/**
 * Connects through a function of nodemailer's shape, once there is one; else in the ordinary way.
 * @param getSocket asked for each connection: nodemailer sets it when the first message is sent
 */
export function connectThrough(
  getSocket: () => GetSocket | undefined,
  { localAddress, timeouts }: SessionOptions,
): NonNullable<SessionOptions["connectSocket"]> {
  return async ({ host, port, signal }) => {
    const connect = getSocket();
    const given = connect === undefined ? undefined : await asked(connect, { host, port });
    if (given !== undefined) return given;
    return openSocket(resolveOptions({ host, port, localAddress, timeouts }), signal);
  };
}

function asked(
  connect: GetSocket,
  target: { readonly host: string; readonly port: number },
): Promise<Duplex | undefined> {
  return new Promise((resolve, reject) => {
    connect(target, (error, socket) => {
      if (error) return reject(error);
      const { connection, ...others } = socket || {};
      const [other] = Object.keys(others);
      if (other === undefined) return resolve(connection);
      connection?.destroy();
      const message = `getSocket() gave ${JSON.stringify(other)}: only connection is taken`;
      reject(new SmtpError("ESMTP_CONNECT", message));
    });
  });
}
