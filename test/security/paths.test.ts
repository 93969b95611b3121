import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type MessageData, SmtpSession } from "smtp-pipelining";
import { createTestServer } from "smtp-pipelining/testing";
import { expect, onTestFinished, test } from "vitest";

// Files and URLs by name: whoever may choose a text must not be able to have a file of this machine sent, or a server
// called. A text is octets: what looks like a path or URL is sent as it stands.

const send = async (data: MessageData): Promise<string[]> => {
  const server = await createTestServer();
  onTestFinished(() => server.close());
  const session = new SmtpSession({ host: server.host, port: server.port });
  await session.pipeline({ from: "a@example.org", to: "b@example.net", data });
  await session.quit();
  await server.disconnected();
  return server.messages.map(({ text }) => text);
};

test("a path, or a URL, is a text like any other", async () => {
  let called = 0;
  const web = createServer((_, response) => {
    called++;
    response.end("secret");
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  onTestFinished(() => void web.close());
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
  for (const data of ["/etc/passwd", "file:///etc/passwd", url]) {
    expect(await send(data)).toEqual([`${data}\r\n`]);
  }
  expect(called).toBe(0);
});

test.each<[string, unknown]>([
  ["a URL", new URL("file:///etc/passwd")],
  ["what nodemailer takes for a file", { path: "/etc/passwd" }],
  ["what nodemailer takes for a URL", { href: "http://127.0.0.1/" }],
])("%s as an object is no text: a TypeError, and nothing is sent", async (_, data) => {
  await expect(send(data as MessageData)).rejects.toThrow(/message\.data must be/);
});
