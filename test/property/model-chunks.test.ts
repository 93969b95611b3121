import { expect, test } from "vitest";
import { type ChunkingScript, SOUND_CHUNKING } from "../support/model-chunks.ts";
import { ModelServer, type ServerScript } from "../support/model-server.ts";
import { SOUND } from "../support/scripts.ts";

// What the properties rely on: a model of CHUNKING whose truth is what its replies say, and whose lies are those named.

function model(chunking: Partial<ChunkingScript> = {}, script: Partial<ServerScript> = {}): ModelServer {
  const server = new ModelServer({ ...SOUND, ...script, chunking: { ...SOUND_CHUNKING, ...chunking } });
  server.receive("EHLO c\r\n", 0);
  server.take();
  return server;
}

/** The codes with which these octets are answered. */
function codes(server: ModelServer, octets: string, now = 0): string {
  server.receive(octets, now);
  return said(server);
}

function said(server: ModelServer): string {
  return server.take().replace(/^(\d{3}).*\r\n/gm, "$1 ");
}

const PROBE = "RSET\r\nMAIL FROM:<a@x>\r\nBDAT 6 LAST\r\nXPRB\r\nRSET\r\n";
const FIRST = "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n";
const OTHER = "MAIL FROM:<c@x>\r\nRCPT TO:<d@y>\r\n";

test("a sound server takes chunks of any octets, and swallows what it refuses", () => {
  const server = model();
  expect(codes(server, PROBE + FIRST)).toBe("250 250 503 250 250 250 ");
  expect(codes(server, "BDAT 5\r\n.\r\n.\rBDAT 3 LAST\r\n\n\r\nRSET\r\n")).toBe("250 250 250 ");
  expect(codes(server, "MAIL FROM:<c@x>\r\nBDAT 8 LAST\r\nText 2\r\nRSET\r\n")).toBe("250 503 250 ");
  expect(server.accepted).toEqual([{ sender: "a@x", recipients: ["b@y"], text: ".\r\n.\r\n\r\n" }]);
  expect(server.leaked).toEqual([]);
  expect(server.commands.filter((line) => line.startsWith("BDAT"))).toEqual([
    "BDAT 6 LAST",
    "BDAT 5",
    "BDAT 3 LAST",
    "BDAT 8 LAST",
  ]);
});

test("octets that come one by one are the same", () => {
  const server = model();
  let replies = "";
  for (const octet of `${PROBE + FIRST}BDAT 4\r\nRSETBDAT 2 LAST\r\n\r\nRSET\r\n`)
    replies += codes(server, octet);
  expect(replies).toBe("250 250 503 250 250 250 250 250 250 ");
  expect(server.accepted).toMatchObject([{ text: "RSET\r\n" }]);
});

test("a refused chunk: what comes of the text is 503 and swallowed, until RSET", () => {
  const server = model(
    { leaksUnreceivable: true },
    { faults: [{ on: "BDAT", nth: 0, says: 452, after: "goOn" }] },
  );
  expect(codes(server, `${FIRST}BDAT 2\r\nQUBDAT 4 LAST\r\nIT\r\n${FIRST}RSET\r\n`)).toBe(
    "250 250 452 503 250 250 250 ",
  );
  expect([server.accepted, server.leaked]).toEqual([[], []]);
});

test("DATA and RCPT in the midst of chunks are 503", () => {
  const server = model();
  expect(codes(server, `${FIRST}BDAT 2\r\nx\rRCPT TO:<d@y>\r\nDATA\r\nBDAT 1 LAST\r\n\n`)).toBe(
    "250 250 250 503 503 250 ",
  );
  expect(server.accepted).toMatchObject([{ recipients: ["b@y"], text: "x\r\n" }]);
});

test("a leak: the octets of a text for nobody are run as commands, and known", () => {
  const server = model({ leaksUnreceivable: true });
  expect(codes(server, PROBE)).toBe("250 250 503 500 250 ");
  expect(server.leaked).toEqual(["XPRB"]);
  const evil = "RSET\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<v@y>\r\nBDAT 6 LAST\r\nevil\r\n";
  expect(evil.length).toBe(60);
  expect(codes(server, `BDAT 60 LAST\r\n${evil}NOOP\r\n`)).toBe("503 250 250 250 250 252 ");
  expect(server.leaked.length).toBe(5);
  expect(server.accepted).toMatchObject([{ sender: "evil@x" }]);
});

test("a leak behind 552: what passes SIZE is run as commands; without it, swallowed", () => {
  const octets = `${FIRST}BDAT 8\r\n12345678BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n`;
  const leaking = model({ leaksTooLarge: true }, { size: 10 });
  expect(codes(leaking, octets)).toBe("250 250 250 552 252 252 ");
  expect(leaking.leaked).toEqual(["NOOP"]);
  const sound = model({}, { size: 10 });
  expect(codes(sound, octets)).toBe("250 250 250 552 252 ");
  expect([sound.leaked, sound.accepted]).toEqual([[], []]);
});

test("a text for nobody keeps the transaction: the next recipient is the previous sender's", () => {
  const server = model({}, { keeps: "refused", faults: [{ on: "RCPT", nth: 0, says: 550, after: "goOn" }] });
  expect(codes(server, `${FIRST}BDAT 3 LAST\r\na\r\n${OTHER}BDAT 3 LAST\r\nb\r\n`)).toBe(
    "250 550 503 503 250 250 ",
  );
  expect(server.accepted).toEqual([{ sender: "a@x", recipients: ["d@y"], text: "b\r\n" }]);
});

test("RSET between chunks, answered 250 and read on as text", () => {
  const server = model({ readsOnBehindReset: true });
  expect(codes(server, `${FIRST}BDAT 3\r\na\r\nRSET\r\n${OTHER}.\r\nNOOP\r\n`)).toBe(
    "250 250 250 250 250 252 ",
  );
  expect(server.accepted).toMatchObject([{ sender: "a@x", text: `a\r\n${OTHER}` }]);
  const sound = model();
  expect(codes(sound, `${FIRST}BDAT 3\r\na\r\nRSET\r\n${OTHER}`)).toBe("250 250 250 250 250 250 ");
});

test("LAST answered twice, when it is taken; in RSET's words; in words of its own", () => {
  const last = "BDAT 3 LAST\r\na\r\nRSET\r\n";
  const words = (chunking: Partial<ChunkingScript>): string => {
    const server = model(chunking);
    codes(server, FIRST);
    server.receive(last, 0);
    return server.take();
  };
  expect(words({ answersTwice: true })).toBe("250 model took 3\r\n250 model took 3\r\n250 model\r\n");
  expect(words({ alike: true })).toBe("250 model\r\n250 model\r\n");
  expect(words({})).toBe("250 model took 3\r\n250 model\r\n");
  expect(codes(model({ answersTwice: true }), PROBE)).toBe("250 250 503 250 ");
});

test("too many transactions in vain: 554 to RSET, and it hangs up", () => {
  const server = model({ mostInVain: 1 });
  expect(codes(server, `${PROBE}${FIRST}BDAT 3 LAST\r\na\r\nRSET\r\n`)).toBe(
    "250 250 503 250 250 250 250 250 ",
  );
  expect(codes(server, `${FIRST}RSET\r\n${FIRST}`)).toBe("250 250 554 ");
  expect(server.closed).toBe(true);
});

test("replies held back come when so many texts have, or a second has passed", () => {
  const server = model({ holds: 2 });
  const message = `${FIRST}BDAT 3 LAST\r\na\r\nRSET\r\n`;
  expect(codes(server, message)).toBe("250 250 250 250 ");
  expect(codes(server, message)).toBe("");
  expect(codes(server, message)).toBe("250 250 250 250 250 250 250 250 ");
  expect(codes(server, message, 500)).toBe("");
  expect(server.busyUntil).toBe(1_500);
  server.run(1_500);
  expect(said(server)).toBe("250 250 250 250 ");
  expect(server.accepted.length).toBe(4);
});

test("LMTP: one answer per recipient, behind LAST only", () => {
  const server = new ModelServer({
    ...SOUND,
    lmtp: true,
    chunking: SOUND_CHUNKING,
    faults: [{ on: "text", nth: 1, says: 452, after: "goOn" }],
  });
  expect(codes(server, `LHLO c\r\n${FIRST}RCPT TO:<d@y>\r\n`)).toMatch(/250 250 250 $/);
  expect(codes(server, "BDAT 1\r\nxBDAT 2 LAST\r\n\r\nNOOP\r\n")).toBe("250 250 452 252 ");
  expect(server.accepted).toEqual([{ sender: "a@x", recipients: ["b@y"], text: "x\r\n" }]);
});

test("a chunk answered before it has come is swallowed to its end", () => {
  const server = model({}, { faults: [{ on: "text", nth: 0, says: 554, after: "goOn", early: 2 }] });
  expect(codes(server, `${FIRST}BDAT 6 LAST\r\nNO`)).toBe("250 250 554 ");
  expect(codes(server, "OP\r\nRSET\r\n")).toBe("250 ");
  expect(server.accepted).toEqual([]);
});
