import type { Socket } from "node:net";
import { SmtpSession } from "smtp-pipelining";
import { attachRecorder } from "smtp-pipelining/recorder";
import { startEmbeddedServer } from "../deliver/embedded-server.ts";
import { startLatencyProxy } from "../deliver/latency.ts";
import { count } from "../deliver/screen.ts";
import { batch, FATAL_SENDER, refusal } from "./batch.ts";

/** How far away the server stands: milliseconds each way. */
const ONE_WAY = 20;

/** Sends the batch over a path with latency, and records it. */
export async function record(redactAddresses: boolean): Promise<{ page: string; fates: string }> {
  const connections = new Set<Socket>();
  const server = await startEmbeddedServer({
    refusal,
    arrived: ({ from }) => {
      if (from === FATAL_SENDER) for (const connection of connections) connection.destroy();
    },
  });
  server.smtp.server.on("connection", (connection: Socket) => connections.add(connection));
  const path = await startLatencyProxy(server, ONE_WAY);
  try {
    const session = new SmtpSession({ host: path.host, port: path.port });
    const recorder = attachRecorder(session, { title: "Invoices of November", redactAddresses });
    const deliveries = await Promise.all(batch().map((message) => session.pipeline(message)));
    await session.quit();
    const sum = (of: "succeeded" | "failed" | "unknown"): number =>
      deliveries.reduce((total, delivery) => total + delivery[of].length, 0);
    const fates = `${count(deliveries.length, "message")}: ${count(sum("succeeded"), "recipient")} succeeded, ${sum("failed")} failed, ${sum("unknown")} unknown`;
    return { page: recorder.html(), fates };
  } finally {
    await path.close();
    await server.close();
  }
}
