import { createTransport } from "nodemailer";
import { atATime, type Client } from "./client.ts";
import { recipients, SENDER, stream, text } from "./work.ts";

/** How many messages wait in the pool for each of its connections: enough that none is ever idle. */
const WAITING = 10;

/** Nodemailer's pool. */
export function nodemailer(connections: number): Client {
  return {
    run: async (work) => {
      const transport = createTransport({
        pool: true,
        host: "127.0.0.1",
        port: work.port,
        ignoreTLS: true,
        maxConnections: connections,
        maxMessages: Number.POSITIVE_INFINITY,
      });
      const whole = work.streamed ? undefined : text(work.octets);
      const start = performance.now();
      await atATime(connections * WAITING, work.messages, async (i) => {
        const to = recipients(work, i);
        const raw = whole ?? stream(work.octets);
        const { accepted } = await transport.sendMail({ envelope: { from: SENDER, to }, raw });
        if (accepted.length !== to.length) throw new Error(`Accepted: ${accepted.length} of ${to.length}`);
      });
      const milliseconds = performance.now() - start;
      transport.close();
      return milliseconds;
    },
  };
}
