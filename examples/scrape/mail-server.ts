import type { Socket } from "node:net";
import { type EmbeddedServer, startEmbeddedServer } from "../deliver/embedded-server.ts";

/** The local part of an address for which the server ends the conversation with 421. */
export const CLOSING = "closing";
/** The header whose value is the server's answer to a text: a code and words, or {@link CUT}. */
export const ANSWER = "X-Answer";
/** The answer that breaks off in its middle. */
export const CUT = "cut";

/** The largest text that it takes: octets. */
export const MAX_SIZE = 1_048_576;

/** Whom it refuses at RCPT, by the beginning of the address. */
const REFUSED: Readonly<Record<string, readonly [code: number, text: string]>> = {
  nobody: [550, "No such user here"],
  busy: [450, "Mailbox busy, try again later"],
  [CLOSING]: [421, "mx.example.net is closing"],
};

/** A server that has moods: what it answers is in the addresses and texts that it is sent. */
export async function startMailServer(): Promise<EmbeddedServer> {
  const sockets = new Map<number, Socket>();
  const server = await startEmbeddedServer({
    smtp: {
      size: MAX_SIZE,
      onMailFrom: ({ address }, _session, callback) =>
        callback(address.startsWith("blocked") ? refusal(550, "Sender is blocked") : null),
      onRcptTo: ({ address }, { remotePort }, callback) => {
        const [code, text] = REFUSED[address.split(/[-@]/, 1)[0] ?? ""] ?? [];
        callback(code === undefined ? null : refusal(code, text ?? ""));
        if (code === 421) sockets.get(remotePort)?.end();
      },
      onData: (stream, { remotePort }, callback) => {
        const blocks: Buffer[] = [];
        stream.on("data", (block: Buffer) => blocks.push(block));
        stream.on("end", () => {
          const answer = answerIn(Buffer.concat(blocks).toString("latin1"));
          if (answer === CUT) {
            sockets.get(remotePort)?.end("250 2.6.0 OK: message que");
            return;
          }
          const code = Number(answer?.slice(0, 3));
          setTimeout(
            () => callback(answer === undefined ? null : refusal(code, answer.slice(4))),
            thinking(),
          );
        });
      },
    },
  });
  server.smtp.server.on("connection", (socket: Socket) => {
    const port = socket.remotePort ?? 0;
    sockets.set(port, socket);
    socket.once("close", () => sockets.delete(port));
  });
  return server;
}

/** How long it thinks about a text: mostly a few milliseconds, now and then a quarter of a second. */
function thinking(): number {
  return Math.min(250, 3 / (1 - Math.random()));
}

function answerIn(text: string): string | undefined {
  const [head = ""] = text.split("\r\n\r\n", 1);
  return new RegExp(`^${ANSWER}: (.*)$`, "m").exec(head)?.[1]?.trim();
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
