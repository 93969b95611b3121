import type { Message } from "smtp-pipelining";

/** So many messages to one to four recipients each, each made when the session asks for it. */
export function* newsletter(messages: number): Generator<Message, void, undefined> {
  let reader = 0;
  for (let i = 1; i <= messages; i++) {
    const to = Array.from({ length: 1 + (i % 4) }, () => address(++reader));
    yield {
      from: "newsletter@example.org",
      to,
      data: `Subject: News ${i}\r\n\r\n${"All the news that fits.\r\n".repeat(1 + (i % 40))}`,
    };
  }
}

/** Some readers have gone, and some are busy: the server refuses them. */
function address(reader: number): string {
  if (reader % 19 === 11) return `nobody-${reader}@example.net`;
  return reader % 43 === 7 ? "busy@example.net" : `reader-${reader}@example.net`;
}
