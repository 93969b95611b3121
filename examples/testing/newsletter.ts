import { type Message, type SessionOptions, SmtpSession } from "smtp-pipelining";

/** What is left to do with addresses. */
export interface ToDo {
  readonly tryAgain: string[];
  readonly strikeOff: string[];
  readonly askSomebody: string[];
}

/** Sends a newsletter to each address, and says what is left to do. */
export async function sendNewsletter(server: SessionOptions, addresses: readonly string[]): Promise<ToDo> {
  const toDo: ToDo = { tryAgain: [], strikeOff: [], askSomebody: [] };
  await using session = new SmtpSession(server);
  const messages = addresses.map(
    (to): Message => ({ from: "news@example.org", to, data: "Subject: News\n\nNone.\n" }),
  );
  for (const { failed, unknown } of await Promise.all(messages.map((each) => session.pipeline(each)))) {
    for (const { address, retryable } of failed) toDo[retryable ? "tryAgain" : "strikeOff"].push(address);
    for (const { address } of unknown) toDo.askSomebody.push(address);
  }
  return toDo;
}
