import { type AddressInfo, createServer } from "node:net";
import { Conversation, GREETING, type Taken } from "./conversation.ts";

/** Opens a server on 127.0.0.1 that does nothing but answer. */
export async function openSink(): Promise<{ readonly port: number; close(): Taken }> {
  const taken: Taken = { messages: 0, recipients: 0, octets: 0 };
  const server = createServer((socket) => {
    const conversation = new Conversation(taken);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("data", (octets) => {
      const replies = conversation.receive(octets);
      if (replies !== "") socket.write(replies, "latin1");
      if (conversation.over) socket.end();
    });
    socket.write(GREETING);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      return taken;
    },
  };
}
