import { BoundedPeerMemory, type SessionOptions, SmtpSession } from "smtp-pipelining";
import { createTestServer } from "smtp-pipelining/testing";
import { describe, expect, onTestFinished, test } from "vitest";

// SMTP smuggling, CVE-2023-51764: a text with an end of text that another server sees and this one does not. Whatever is in
// a text, its one end on the wire is the last, and every line end is CRLF: so no two servers can see it differently.

/** What servers were seen to take for an end of text, and more of the kind. */
const ENDS: readonly string[] = [
  "\n.\n",
  "\n.\r\n",
  "\r\n.\n",
  "\r.\r",
  "\r.\r\n",
  "\r\n.\r",
  "\n.\r",
  "\r.\n",
  "\r\n.\r\n",
  "\r\r\n.\r\r\n",
  "\r\n\0.\r\n",
  "\r\n.\0\r\n",
];

/** A second message behind the end of the first. */
const SMUGGLED = "MAIL FROM:<admin@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nsmuggled\r\n.\r\n";

const FORMS: readonly [string, Partial<SessionOptions>][] = [
  ["DATA", { chunking: "off" }],
  ["BDAT", { chunking: "strict" }],
];

function pieces(text: string, size: number): () => AsyncIterable<string> {
  return async function* () {
    for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
  };
}

describe.each(FORMS)("SMTP smuggling (CVE-2023-51764), with %s", (_, options) => {
  test.each(ENDS.map((end) => [JSON.stringify(end), end]))("%s", async (_shown, end) => {
    const server = await createTestServer({ extensions: ["PIPELINING", "CHUNKING"] });
    onTestFinished(() => server.close());
    const session = new SmtpSession({
      host: server.host,
      port: server.port,
      peers: new BoundedPeerMemory(),
      ...options,
    });
    const text = `Subject: x\r\n\r\nbefore${end}${SMUGGLED}`;
    const forms = [text, Buffer.from(text), pieces(text, 1), pieces(text, 7)];
    for (const data of forms) {
      const message = { from: "a@example.org", to: "b@example.net", data };
      expect((await session.pipeline(message)).ok).toBe(true);
    }
    await session.quit();
    await server.disconnected();

    expect(server.messages.map(({ from }) => from)).toEqual(forms.map(() => "a@example.org"));
    for (const message of server.messages) {
      const arrived = Buffer.from(message.octets).toString("latin1");
      expect(arrived).toContain("smuggled");
      expect(arrived).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
    }
  });
});

test('with lineEndings "reject" a text with any of them that has a bare CR or LF is not sent at all', async () => {
  const server = await createTestServer();
  onTestFinished(() => server.close());
  const session = new SmtpSession({ host: server.host, port: server.port, lineEndings: "reject" });
  for (const end of ENDS.filter((each) => /\r(?!\n)|(?<!\r)\n/.test(each))) {
    const message = { from: "a@example.org", to: "b@example.net", data: `x${end}y\r\n` };
    expect((await session.pipeline(message)).failed).toMatchObject([{ stage: "invalid", retryable: false }]);
  }
  await session.quit();
  expect(server.messages).toEqual([]);
});
