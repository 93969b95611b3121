import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { onTestFinished } from "vitest";

/** A text that the server stored for a recipient. */
export interface Stored {
  readonly recipient: string;
  readonly text: string;
}

export interface LmtpServer {
  readonly socketPath: string;
  readonly stored: readonly Stored[];
}

/**
 * A mail store on a Unix socket in a directory of its own, for one test. Its users' names say what they answer:
 * `full…` 452 and `closed…` 550 to the text, `nobody…` 550 to RCPT.
 * @param tls speaks TLS from the first octet
 */
export async function startLmtpServer(tls?: TlsOptions): Promise<LmtpServer> {
  const directory = await mkdtemp(join(tmpdir(), "lmtp "));
  const socketPath = join(directory, "store.sock");
  const stored: Stored[] = [];
  const sockets: Socket[] = [];
  const accept = (socket: Socket): void => {
    sockets.push(socket);
    serve(socket, stored);
  };
  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });
  return { socketPath, stored };
}

function serve(socket: Socket, stored: Stored[]): void {
  let input = "";
  let recipients: string[] = [];
  let inText = false;
  const say = (...lines: string[]): void => {
    socket.write(lines.map((line) => `${line}\r\n`).join(""));
  };
  const command = (line: string): void => {
    const address = /<(.*)>/.exec(line)?.[1] ?? "";
    if (line.startsWith("LHLO ")) say("250-store", "250-PIPELINING", "250 8BITMIME");
    else if (line.startsWith("MAIL ") || line === "RSET") {
      recipients = [];
      say("250 ok");
    } else if (line.startsWith("RCPT ") && address.startsWith("nobody")) say("550 5.1.1 nobody");
    else if (line.startsWith("RCPT ")) {
      recipients.push(address);
      say("250 ok");
    } else if (line === "DATA") {
      inText = recipients.length > 0;
      say(inText ? "354 go on" : "503 no recipient");
    } else if (line === "QUIT") {
      say("221 bye");
      socket.end();
    } else say("500 what?");
  };
  const endText = (text: string): void => {
    inText = false;
    for (const recipient of recipients) {
      if (recipient.startsWith("full")) say("452 4.2.2 full");
      else if (recipient.startsWith("closed")) say("550 5.2.1 closed");
      else {
        stored.push({ recipient, text });
        say("250 2.0.0 stored");
      }
    }
    recipients = [];
  };
  socket.setEncoding("latin1");
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    input += chunk;
    for (;;) {
      const mark = inText ? "\r\n.\r\n" : "\r\n";
      const end = input.indexOf(mark);
      if (end === -1) return;
      const part = input.slice(0, end);
      input = input.slice(end + mark.length);
      if (inText) endText(`${part}\r\n`);
      else command(part);
    }
  });
  say("220 store LMTP");
}
