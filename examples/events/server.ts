import type { Socket } from "node:net";
import { type Refusal, startEmbeddedServer } from "../deliver/embedded-server.ts";
import { startLatencyProxy } from "../deliver/latency.ts";
import { UNANSWERED, UNWELCOME } from "./messages.ts";

/** Milliseconds each way: so that one sees what waits for what. */
const ONE_WAY = 20;

/** The example's server. @param hangUp whether it hangs up instead of answering one of the texts */
export async function startServer({
  hangUp,
}: {
  readonly hangUp: boolean;
}): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = await startEmbeddedServer({
    refusal,
    arrived: ({ from }) => {
      if (hangUp && from === UNANSWERED) for (const socket of sockets) socket.destroy();
    },
    smtp: {
      onMailFrom: ({ address }, _session, callback) => {
        const unwelcome = Object.assign(new Error("We want no mail from you"), { responseCode: 550 });
        callback(address === UNWELCOME ? unwelcome : undefined);
      },
    },
  });
  server.smtp.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const proxy = await startLatencyProxy(server, ONE_WAY);
  return {
    url: `smtp://${proxy.host}:${proxy.port}`,
    close: async () => {
      await proxy.close();
      await server.close();
    },
  };
}

function refusal(address: string): Refusal | undefined {
  if (address === "nobody@example.net") return { code: 550, text: "No such user here" };
  if (address === "busy@example.net") return { code: 450, text: "Mailbox busy, try again later" };
  return undefined;
}
