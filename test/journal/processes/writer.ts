import { BoundedPeerMemory, type Message, SmtpError } from "smtp-pipelining";
import { Journal } from "smtp-pipelining/journal";
import { SmtpPool } from "smtp-pipelining/pool";

// Sends so many messages with a journal that may fail, and says in its last line what became of them.

const [folder = "", port = "", count = ""] = process.argv.slice(2);

function* messages(): Generator<Message> {
  for (let n = 1; n <= Number(count); n++) {
    yield {
      id: `m${n}`,
      from: "news@example.org",
      to: `b${n}@example.net`,
      data: `Subject: ${n}\r\n\r\nText ${n}.\r\n`,
    };
  }
}

let sent = 0;
let failed = 0;
let why: string | undefined;
try {
  const journal = await Journal.open(folder);
  const pool = new SmtpPool({
    host: "127.0.0.1",
    port: Number(port || 1),
    peers: new BoundedPeerMemory(),
    journal,
  });
  try {
    for await (const { ok, error } of pool.deliver(journal.resume(messages()))) {
      if (ok) sent++;
      else failed++;
      why ??= error?.code;
    }
  } catch (error) {
    why ??= error instanceof SmtpError ? error.code : String(error);
  }
  console.log(`${sent} ${failed} ${why}`);
  pool.destroy();
  await journal.close().catch(() => undefined);
} catch (error) {
  console.log(error instanceof SmtpError ? `${error.code} ${error.message}` : String(error));
}
