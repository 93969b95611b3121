import { BoundedPeerMemory, type Message } from "smtp-pipelining";
import { Journal } from "smtp-pipelining/journal";
import { SmtpPool } from "smtp-pipelining/pool";
import { recipientsOf } from "./recipients.ts";

// Sends what is left of so many messages, and says what it does: to be killed at any of its words.

const [folder = "", port = "", count = "", option = ""] = process.argv.slice(2);

function* messages(): Generator<Message> {
  for (let n = 0; n < Number(count); n++) {
    const to = recipientsOf(n);
    yield { id: `message-${n}`, from: "news@example.org", to, data: `Subject: ${n}\r\n\r\nText ${n}\r\n` };
  }
}

process.send?.("started");
const journal = await Journal.open(folder);
process.send?.("opened");
if (option === "--resend") await journal.resend();
const pool = new SmtpPool({
  host: "127.0.0.1",
  port: Number(port),
  connections: 2,
  window: { messages: 100 },
  peers: new BoundedPeerMemory(),
  journal,
});
pool.on("messageEnd", () => process.send?.("settled"));
const deliveries = pool.deliver(journal.resume(messages()));
while (!(await deliveries.next()).done);
await pool.quit();
process.send?.("sent");
await journal.close();
process.send?.("done");
process.disconnect();
