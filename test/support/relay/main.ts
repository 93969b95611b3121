import { openSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { makeConversation } from "./conversation.ts";

// A relay in a process of its own, to be killed. What it accepts is in its log before it says so.
// It listens once it is told at which port: until then it is a spare one.

const [log = "", chunking = ""] = process.argv.slice(2);
const file = openSync(log, "a");

const server = createServer((socket) => {
  const conversation = makeConversation(chunking === "chunking");
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (octets) => {
    const { replies, accepted } = conversation.receive(octets);
    if (accepted.length > 0) writeSync(file, `${accepted.join("\n")}\n`);
    if (replies !== "") socket.write(replies, "latin1");
    if (conversation.over) socket.end();
  });
  socket.write("220 relay.example ESMTP\r\n");
});

process.on("message", (port: number) => {
  server.listen(port, "127.0.0.1", () => process.send?.("listening"));
});
process.on("disconnect", () => process.exit());
process.send?.("started");
