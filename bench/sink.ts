import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";

// A server that does nothing but answer, in a process of its own: what is measured is the client. It offers PIPELINING
// and takes every message. Its port goes to the parent process.

const END = Buffer.from("\r\n.\r\n");
const REPLIES: Readonly<Record<string, string>> = {
  EHLO: "250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
  DATA: "354 go\r\n",
  QUIT: "221 bye\r\n",
};

function serve(socket: Socket): void {
  let held: Buffer = Buffer.alloc(0);
  let inText = false;
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    const input = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let at = 0;
    let out = "";
    for (;;) {
      if (inText) {
        const end = input.indexOf(END, at);
        // A dot may stand across two chunks.
        if (end === -1) {
          at = Math.max(at, input.length - END.length + 1);
          break;
        }
        at = end + END.length;
        inText = false;
        out += "250 stored\r\n";
      } else {
        const end = input.indexOf("\r\n", at);
        if (end === -1) break;
        const verb = input.toString("latin1", at, at + 4).toUpperCase();
        at = end + 2;
        // The line end of DATA may be that of the terminator: an empty text.
        if (verb === "DATA") {
          inText = true;
          at -= 2;
        }
        out += REPLIES[verb] ?? "250 ok\r\n";
      }
    }
    held = input.subarray(at);
    if (out !== "") socket.write(out);
    if (out.endsWith("221 bye\r\n")) socket.end();
  });
  socket.write("220 sink.example ESMTP\r\n");
}

const server = createServer(serve);
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
// Without its parent it has nothing to do.
process.on("disconnect", () => process.exit());
