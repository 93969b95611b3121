import { SMTPClient } from "smtp-client";
import type { Client } from "./client.ts";
import { recipients, SENDER, text } from "./work.ts";

/** The package smtp-client: one command at a time, and texts that are strings. */
export function smtpClient(): Client {
  return {
    run: async (work) => {
      if (work.streamed) throw new Error("smtp-client takes no stream");
      const source = text(work.octets).toString("latin1");
      const client = new SMTPClient({ host: "127.0.0.1", port: work.port });
      const start = performance.now();
      await client.connect();
      await client.greet({ hostname: "bench.example" });
      for (let i = 0; i < work.messages; i++) {
        await client.mail({ from: SENDER });
        for (const to of recipients(work, i)) await client.rcpt({ to });
        await client.data(source);
      }
      const milliseconds = performance.now() - start;
      await client.quit();
      return milliseconds;
    },
  };
}
