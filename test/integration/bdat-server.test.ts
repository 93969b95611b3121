import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { type BdatServer, startBdatServer } from "../support/bdat-server.ts";

// The server that the tests of CHUNKING send to, here without a session: its truth must not depend on ours.

const ENVELOPE = "RSET\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n";

/** Sends octets, and reads until the server hangs up. */
async function answers({ port }: BdatServer, octets: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let said = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    said += part;
  });
  socket.on("error", () => socket.destroy());
  socket.write(octets, "latin1");
  await once(socket, "close");
  return said.replace(/^(\d{3}).*\r\n/gm, "$1 ");
}

test("it knows what it took, from whom, for whom, and what it ran", async () => {
  const server = await startBdatServer();
  const said = await answers(server, `EHLO c\r\n${ENVELOPE}BDAT 4 LAST\r\n.\xff\r\nRSET\r\nQUIT\r\n`);
  expect(said).toBe("220 250 250 250 250 250 250 250 250 250 221 ");
  expect(server).toMatchObject({
    connections: 1,
    delivered: [{ from: "a@x", to: ["b@y"], text: ".\xff\r\n" }],
    leaked: [],
  });
  expect(server.commands).toEqual([
    "EHLO c",
    "RSET",
    "MAIL FROM:<a@x>",
    "RCPT TO:<b@y>",
    "BDAT 4 LAST",
    "RSET",
    "QUIT",
  ]);
});

test("what it does wrong is what it was told to", async () => {
  const server = await startBdatServer({ chunking: { leaksUnreceivable: true } });
  const said = await answers(
    server,
    "EHLO c\r\nBDAT 6 LAST\r\nXPRB\r\nRSET\r\nBDAT 6 LAST\r\nNOOP\r\nQUIT\r\n",
  );
  expect(said).toMatch(/ 503 500 250 503 252 221 $/);
  expect(server.leaked).toEqual(["NOOP"]);
});

test("it drops its first connection where it is told to, and serves the second", async () => {
  const server = await startBdatServer({ cutBehind: 60 });
  const octets = `EHLO c\r\n${ENVELOPE}BDAT 6 LAST\r\nNOOP\r\nQUIT\r\n`;
  await answers(server, octets);
  expect(server.delivered).toEqual([]);
  await answers(server, octets);
  expect(server).toMatchObject({ connections: 2, delivered: [{ text: "NOOP\r\n" }] });
});

test("without CHUNKING, what is written as a text is commands", async () => {
  const server = await startBdatServer({ chunking: "off" });
  const said = await answers(server, "EHLO c\r\nBDAT 6 LAST\r\nNOOP\r\nQUIT\r\n");
  expect(said).toBe("220 250 250 250 500 252 221 ");
  expect(server.leaked).toEqual(["NOOP"]);
});
