import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { Conversation, type Taken } from "../../bench/sink/conversation.ts";
import { openSink } from "../../bench/sink/sink.ts";

const EHLO_REPLY =
  "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n";

interface Script {
  readonly name: string;
  readonly client: string;
  readonly replies: readonly string[];
  readonly taken: Taken;
}

const NOTHING: Taken = { messages: 0, recipients: 0, octets: 0 };

const SCRIPTS: readonly Script[] = [
  {
    name: "DATA, two messages in a row",
    client:
      "EHLO me.example\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n" +
      "one\r\n..\r\n.x\r\n\r\n.\r\nRSET\r\nmail from:<a@x>\r\nrcpt to:<b@y>\r\nRCPT TO:<c@y>\r\nDATA\r\n.\r\nQUIT\r\n",
    replies: [
      EHLO_REPLY,
      "250 2.1.0 ok\r\n",
      "250 2.1.5 ok\r\n",
      "354 go\r\n",
      "250 2.0.0 stored\r\n",
      "250 2.0.0 ok\r\n",
      "250 2.1.0 ok\r\n",
      "250 2.1.5 ok\r\n",
      "250 2.1.5 ok\r\n",
      "354 go\r\n",
      "250 2.0.0 stored\r\n",
      "221 2.0.0 bye\r\n",
    ],
    // 5 + 4 + 4 + 2 and the dot's 3; the dot's 3.
    taken: { messages: 2, recipients: 3, octets: 21 },
  },
  {
    name: "BDAT, octets that look like commands and like an end",
    client:
      "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nBDAT 6\r\nQUIT\r\nBDAT 5 LAST\r\n\r\n.\r\nRSET\r\n" +
      "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nBDAT 3\r\nabcbdat 0 last\r\n",
    replies: [
      "250 2.1.0 ok\r\n",
      "250 2.1.5 ok\r\n",
      "250 2.0.0 continue\r\n",
      "250 2.0.0 stored\r\n",
      "250 2.0.0 ok\r\n",
      "250 2.1.0 ok\r\n",
      "250 2.1.5 ok\r\n",
      "250 2.0.0 continue\r\n",
      "250 2.0.0 stored\r\n",
    ],
    taken: { messages: 2, recipients: 2, octets: 14 },
  },
  {
    name: "a chunk for nobody is refused and swallowed",
    client: "RSET\r\nMAIL FROM:<a@x>\r\nBDAT 6 LAST\r\nXPRB\r\nRSET\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n",
    replies: [
      "250 2.0.0 ok\r\n",
      "250 2.1.0 ok\r\n",
      "503 5.5.1 no valid recipients\r\n",
      "250 2.0.0 ok\r\n",
      "250 2.1.0 ok\r\n",
      "250 2.1.5 ok\r\n",
    ],
    taken: NOTHING,
  },
  {
    name: "commands out of order, and unknown ones",
    client:
      "RCPT TO:<b@y>\r\nDATA\r\nMAIL FROM:<a@x>\r\nMAIL FROM:<b@x>\r\nXPRB\r\nhi\r\nBDAT\r\nNOOP\r\nHELO me\r\n",
    replies: [
      "503 5.5.1 MAIL first\r\n",
      "503 5.5.1 no valid recipients\r\n",
      "250 2.1.0 ok\r\n",
      "503 5.5.1 a sender was given\r\n",
      "500 5.5.2 unknown command\r\n",
      "500 5.5.2 unknown command\r\n",
      "501 5.5.4 BDAT needs a size\r\n",
      "250 2.0.0 nothing done\r\n",
      "250 sink.example\r\n",
    ],
    taken: NOTHING,
  },
];

function converse(parts: readonly Buffer[]): { readonly replies: string; readonly taken: Taken } {
  const taken = { messages: 0, recipients: 0, octets: 0 };
  const conversation = new Conversation(taken);
  return { replies: parts.map((part) => conversation.receive(part)).join(""), taken };
}

describe.each(SCRIPTS)("$name", ({ client, replies, taken }) => {
  const octets = Buffer.from(client);
  const expected = { replies: replies.join(""), taken };

  test("whole, and octet by octet", () => {
    expect(converse([octets])).toEqual(expected);
    expect(converse([...octets].map((octet) => Buffer.from([octet])))).toEqual(expected);
  });

  test("cut in two and in three, anywhere", () => {
    for (let first = 1; first < octets.length; first++) {
      for (let second = first; second <= Math.min(first + 8, octets.length); second++) {
        const parts = [octets.subarray(0, first), octets.subarray(first, second), octets.subarray(second)];
        expect([first, second, converse(parts)]).toEqual([first, second, expected]);
      }
    }
  });
});

test("each reply comes with the octets that complete its command, not later", () => {
  const conversation = new Conversation({ messages: 0, recipients: 0, octets: 0 });
  const answered = [
    "MAIL FROM:<a@x>\r",
    "\nRCPT TO:<b@y>\r\n",
    "BDAT 4 LAST\r\n",
    "abc",
    "d",
    "QU",
    "IT\r\n",
    "NOOP\r\n",
  ].map((part) => conversation.receive(Buffer.from(part)));
  expect(answered).toEqual([
    "",
    "250 2.1.0 ok\r\n250 2.1.5 ok\r\n",
    "",
    "",
    "250 2.0.0 stored\r\n",
    "",
    "221 2.0.0 bye\r\n",
    "",
  ]);
  expect(conversation.over).toBe(true);
});

test("over a socket: greets, answers, hangs up behind QUIT, and tells what it has taken", async () => {
  const sink = await openSink();
  const socket = connect(sink.port, "127.0.0.1");
  let heard = "";
  socket.setEncoding("latin1").on("data", (text) => {
    heard += text;
  });
  socket.write("MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nBDAT 2 LAST\r\nhiQUIT\r\n");
  await once(socket, "close");
  expect(heard).toBe(
    "220 sink.example ESMTP\r\n250 2.1.0 ok\r\n250 2.1.5 ok\r\n250 2.0.0 stored\r\n221 2.0.0 bye\r\n",
  );
  expect(sink.close()).toEqual({ messages: 1, recipients: 1, octets: 2 });
});
