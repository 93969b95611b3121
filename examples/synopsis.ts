// The synopsis of Perl's Net::SMTP::Pipelining, with smtp-pipelining:
//
//   node --import tsx examples/synopsis.ts                                to a server of its own, which refuses one recipient
//   SMTP_URL=smtp://localhost:25 node --import tsx examples/synopsis.ts   to a real one

import { type Exchange, SmtpSession } from "smtp-pipelining";
import { startEmbeddedServer } from "./deliver/embedded-server.ts";

async function synopsis(url: string): Promise<void> {
  const session = new SmtpSession(url);
  const sender = "sender@example.com";
  const successful: string[] = [];
  const failed: string[] = [];
  const errors: Exchange[] = [];

  session.on("recipientSucceeded", ({ address }) => successful.push(address));
  session.on("recipientFailed", ({ address }) => failed.push(address));
  session.on("recipientUnknown", ({ address }) => failed.push(address));
  // More intricate error handling: `session.lastGroup` has the same, of the latest group alone.
  session.on("groupEnd", ({ group }) => errors.push(...group.errors));
  session.on("error", ({ error }) => console.error(`The session failed: ${error.message}`));

  for (const address of ["s1@example.com", "s2@example.com", "s3@example.com"]) {
    // Its promise is the fate of this very message; here the events are enough.
    void session.pipeline({
      from: sender,
      to: address,
      data: `From: ${sender}\n\nThis is a mail to ${address}`,
    });
  }
  await session.flush();

  console.log(`Sent successfully to the following addresses: ${successful.join(" ")}`);
  if (failed.length > 0) console.warn(`Failed sending to ${failed.join(" ")}`);
  for (const { line, reply } of errors) {
    console.log(`An error occurred: we said ${line} and the server responded ${reply?.code} ${reply?.text}`);
  }
  await session.quit();
}

const { SMTP_URL } = process.env;
if (SMTP_URL) {
  await synopsis(SMTP_URL);
} else {
  const server = await startEmbeddedServer({
    refusal: (address) => (address.startsWith("s2@") ? { code: 550, text: "No such user here" } : undefined),
  });
  await synopsis(`smtp://${server.host}:${server.port}`);
  await server.close();
}
