import { SmtpSession } from "smtp-pipelining";
import { createTestServer, type TestServerOptions } from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import { codes, tell } from "./client.ts";

// The server that users test with: by a client that only writes and reads octets, and by a session.

const ENVELOPE = "MAIL FROM:<a@x> SIZE=9\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@y>\r\n";
const TEXT = "DATA\r\n..a\r\n\r\n.\r\n";

async function answers(options: TestServerOptions, octets: string, end?: "leave"): Promise<string> {
  await using server = await createTestServer(options);
  return codes(await tell(server, octets, end));
}

test("it tells what it accepted, from whom, for whom and how, and every command", async () => {
  await using server = await createTestServer({ extensions: ["PIPELINING", "CHUNKING"] });
  const said = await tell(
    server,
    `EHLO c\r\n${ENVELOPE}${TEXT}MAIL FROM:<>\r\nrcpt to:<d@y>\r\nBDAT 2\r\n.\xffBDAT 3 last\r\n\r\n.QUIT\r\n`,
  );
  expect(codes(said)).toBe("220 250 250 250 250 354 250 250 250 250 250 221 ");
  expect(said).toContain("250-test.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
  const known = { connection: 1, secure: false, user: undefined };
  expect(server.messages).toEqual([
    {
      ...known,
      from: "a@x",
      to: ["b@y", "c@y"],
      octets: Buffer.from(".a\r\n\r\n"),
      text: ".a\r\n\r\n",
      via: "DATA",
      envelope: ["MAIL FROM:<a@x> SIZE=9", "RCPT TO:<b@y>", "RCPT TO:<c@y>"],
    },
    {
      ...known,
      from: "",
      to: ["d@y"],
      octets: Buffer.from(".\xff\r\n.", "latin1"),
      text: ".\ufffd\r\n.",
      via: "BDAT",
      envelope: ["MAIL FROM:<>", "rcpt to:<d@y>"],
    },
  ]);
  expect(server.commands.map(({ verb, nth, address }) => `${verb} ${nth} ${address ?? "-"}`)).toEqual([
    "greeting 1 -",
    "EHLO 1 -",
    "MAIL 1 a@x",
    "RCPT 1 b@y",
    "RCPT 2 c@y",
    "DATA 1 -",
    "text 1 -",
    "MAIL 2 ",
    "RCPT 3 d@y",
    "BDAT 1 -",
    "text 2 -",
    "QUIT 1 -",
  ]);
  await server.disconnected();
  expect(server.connections).toMatchObject([
    { number: 1, open: false, secure: false, octetsReceived: 139, octetsSent: said.length },
  ]);
  expect(server.connections[0]?.transcript.slice(8, 13)).toEqual([
    "S: 250 2.1.5 recipient ok",
    "C: RCPT TO:<c@y>",
    "S: 250 2.1.5 recipient ok",
    "C: DATA",
    "S: 354 end with <CR><LF>.<CR><LF>",
  ]);
});

describe("it keeps to the order that SMTP has", () => {
  test.each<[string, string, string]>([
    ["RCPT and texts without an envelope", `${"RCPT TO:<b@y>\r\n"}DATA\r\n`, "503 503 "],
    ["DATA without a recipient", "MAIL FROM:<a@x>\r\nDATA\r\n", "250 503 "],
    [
      "a second MAIL",
      "MAIL FROM:<a@x>\r\nMAIL FROM:<a@x>\r\nRSET\r\nMAIL FROM:<a@x>\r\n",
      "250 503 250 250 ",
    ],
    ["what is no command", "XPRB\r\nMAIL TO:<a@x>\r\nBDAT 3 LAST\r\n", "500 501 500 "],
    [
      "the rest",
      "HELO c\r\nNOOP\r\nVRFY a\r\nLHLO c\r\nAUTH PLAIN\r\nSTARTTLS\r\n",
      "250 250 252 500 500 500 ",
    ],
    ["an empty text", `${ENVELOPE}DATA\r\n.\r\n`, "250 250 250 354 250 "],
    ["a text that is not ended", `${ENVELOPE}DATA\r\na\r\n.\n.\r.\r\nQUIT\r\n`, "250 250 250 354 "],
  ])("%s", async (_, octets, said) => {
    expect(await answers({}, octets, "leave")).toBe(`220 ${said}`);
  });

  test("a text may come octet by octet", async () => {
    await using server = await createTestServer({ latency: 1 });
    await using session = new SmtpSession({ host: server.host, port: server.port });
    const data = (async function* () {
      for (const octet of ".\r\n..\r\n\r\n.\r\n") {
        await new Promise(setImmediate);
        yield octet;
      }
    })();
    await session.pipeline({ from: "a@example.org", to: "b@example.net", data });
    expect(server.messages.map(({ text }) => text)).toEqual([".\r\n..\r\n\r\n.\r\n"]);
  });

  test("BDAT: what is refused is swallowed, RFC 3030 §2", async () => {
    const octets = "MAIL FROM:<a@x>\r\nBDAT 6 LAST\r\nNOOP\r\nRSET\r\n";
    expect(await answers({ extensions: ["CHUNKING"] }, octets, "leave")).toBe("220 250 503 250 ");
  });

  test("a text that is cut short is not run as commands", async () => {
    const options = { extensions: ["CHUNKING"] };
    expect(await answers(options, `${ENVELOPE}BDAT 9 LAST\r\nNOOP\r\n`, "leave")).toBe("220 250 250 250 ");
    expect(await answers(options, `${ENVELOPE}DATA\r\nNOOP\r\n`, "leave")).toBe("220 250 250 250 354 ");
  });

  test("SIZE: in MAIL, at the end of a text, and in chunks", async () => {
    const options = { extensions: ["SIZE 5", "CHUNKING"] };
    expect(await answers(options, "MAIL FROM:<a@x> SIZE=6\r\n", "leave")).toBe("220 552 ");
    const envelope = "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n";
    expect(await answers(options, `${envelope}DATA\r\n1234\r\n.\r\n`, "leave")).toBe("220 250 250 354 552 ");
    const chunks = "BDAT 4\r\n1234BDAT 2\r\n12BDAT 1 LAST\r\n1";
    expect(await answers(options, `${envelope}${chunks}`, "leave")).toBe("220 250 250 250 552 503 ");
  });
});

describe("replies of the test's own", () => {
  test("by what a line begins with, the longest counts; what is refused is not done", async () => {
    await using server = await createTestServer({
      replies: {
        RCPT: "550 5.1.1 nobody",
        "RCPT TO:<C@": "251 2.1.5 elsewhere",
        VRFY: "250-one\n250 two",
        NOOP: "",
        text: ({ nth }) => (nth === 1 ? "451 4.3.0 later" : undefined),
      },
    });
    const said = await tell(server, `${ENVELOPE}${TEXT}${ENVELOPE}${TEXT}VRFY a\r\nNOOP\r\nQUIT\r\n`);
    expect(codes(said)).toBe("220 250 550 251 354 451 250 550 251 354 250 250 221 ");
    expect(said).toContain("250-one\r\n250 two\r\n");
    expect(server.messages.map(({ to }) => to)).toEqual([["c@y"]]);
  });

  test("one function for all, which may take its time", async () => {
    let go: (reply: string) => void = () => undefined;
    await using server = await createTestServer({
      replies: ({ verb }) =>
        verb === "NOOP"
          ? new Promise<string>((resolve) => {
              go = resolve;
            })
          : undefined,
    });
    const said = tell(server, "NOOP\r\nRSET\r\nQUIT\r\n");
    expect(await server.received("noop")).toMatchObject({ verb: "NOOP", line: "NOOP", nth: 1 });
    go("250 slow");
    expect(codes(await said)).toBe("220 250 250 221 ");
  });

  test("a 354 is followed by a text, and what the state forbids is not done", async () => {
    await using server = await createTestServer({ replies: { DATA: "354 go on", text: "250 ok" } });
    expect(codes(await tell(server, "DATA\r\na\r\n.\r\nQUIT\r\n"))).toBe("220 354 250 221 ");
    expect(server.messages).toEqual([]);
  });

  test("behind a 421 it hangs up, unless it is told to stay", async () => {
    const replies = { NOOP: "421 4.3.2 bye" };
    expect(await answers({ replies }, "NOOP\r\nRSET\r\n")).toBe("220 421 ");
    expect(await answers({ replies, flaws: { staysBehind421: true } }, "NOOP\r\nRSET\r\n", "leave")).toBe(
      "220 421 250 ",
    );
  });

  test("what a function throws comes out where the server is closed", async () => {
    const server = await createTestServer({
      replies: () => {
        throw new Error("the test is wrong");
      },
    });
    expect(await tell(server, "NOOP\r\n")).toMatch(/^(ECONNRESET)?$/);
    await expect(server.close()).rejects.toThrow("the test is wrong");
  });
});

describe("flaws", () => {
  const chunk = "MAIL FROM:<a@x>\r\nBDAT 6 LAST\r\nNOOP\r\nRSET\r\n";
  const two = `${ENVELOPE}${TEXT}${ENVELOPE}`;
  test.each<[string, TestServerOptions, string, string]>([
    [
      "the octets of a refused chunk are run",
      { extensions: ["CHUNKING"], flaws: { runsRefusedChunks: true } },
      chunk,
      "250 503 250 250 ",
    ],
    [
      "of a chunk that is too large, too",
      { extensions: ["CHUNKING", "SIZE 5"], flaws: { runsRefusedChunks: true } },
      "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nBDAT 6 LAST\r\nNOOP\r\nRSET\r\n",
      "250 250 552 250 250 ",
    ],
    [
      "a transaction is kept whose text was refused",
      { flaws: { keepsTransaction: "refused" }, replies: { text: "554 no" } },
      two,
      "250 250 250 354 554 503 250 250 ",
    ],
    [
      "it is not, if its text was taken",
      { flaws: { keepsTransaction: "refused" } },
      two,
      "250 250 250 354 250 250 250 250 ",
    ],
    [
      "every transaction is kept",
      { flaws: { keepsTransaction: "always" } },
      two,
      "250 250 250 354 250 503 250 250 ",
    ],
    [
      "what stands behind a text is refused",
      { flaws: { behindText: "refuses" } },
      two,
      "250 250 250 354 250 503 503 503 ",
    ],
    [
      "what stands behind a text is swallowed",
      { flaws: { behindText: "swallows" } },
      two,
      "250 250 250 354 250 ",
    ],
  ])("%s", async (_, options, octets, said) => {
    expect(await answers(options, octets, "leave")).toBe(`220 ${said}`);
  });
});

test("LMTP: an answer for each recipient; the message is for those it was accepted for", async () => {
  await using server = await createTestServer({
    protocol: "lmtp",
    replies: { "text <b@": "452 4.2.2 full" },
  });
  expect(server.url).toBe(`lmtp://127.0.0.1:${server.port}`);
  expect(codes(await tell(server, `EHLO c\r\nHELO c\r\nLHLO c\r\n${ENVELOPE}${TEXT}QUIT\r\n`))).toBe(
    "220 500 500 250 250 250 250 354 452 250 221 ",
  );
  expect(server.messages.map(({ to, text }) => ({ to, text }))).toEqual([
    { to: ["c@y"], text: ".a\r\n\r\n" },
  ]);
});

test("LMTP: a 421 is the last answer to a text", async () => {
  const replies = { "text <b@": "421 4.3.2 bye" };
  expect(await answers({ protocol: "lmtp", replies }, `${ENVELOPE}${TEXT}`)).toBe("220 250 250 250 354 421 ");
});

describe("TLS and accounts", () => {
  test.each(["starttls", "implicit"] as const)("%s, with its own certificate, verified", async (tls) => {
    await using server = await createTestServer({ tls, accounts: { me: "sécret" } });
    expect(server.url.startsWith(tls === "implicit" ? "smtps://" : "smtp://")).toBe(true);
    for (const mechanism of ["PLAIN", "LOGIN"] as const) {
      await using session = new SmtpSession({
        host: server.host,
        port: server.port,
        tls: tls === "implicit" ? "implicit" : "required",
        tlsOptions: { ca: server.certificate },
        auth: { user: "me", pass: "sécret", mechanisms: [mechanism] },
      });
      const { ok } = await session.pipeline({ from: "a@example.org", to: "b@example.net", data: "x" });
      expect(ok).toBe(true);
    }
    expect(server.messages).toMatchObject([
      { secure: true, user: "me", connection: 1 },
      { secure: true, user: "me", connection: 2 },
    ]);
  });

  test("AUTH: a wrong password, no AUTH, an unknown mechanism, cancelled", async () => {
    const said = await answers(
      { accounts: { me: "secret" } },
      "MAIL FROM:<a@x>\r\nAUTH PLAIN AG1lAHNlY3JlVA==\r\nAUTH X\r\nAUTH LOGIN\r\n*\r\nAUTH PLAIN =\r\n",
      "leave",
    );
    expect(said).toBe("220 530 535 504 334 501 501 ");
  });
});

describe("waiting", () => {
  test("for commands and messages, whether they have come or not", async () => {
    await using server = await createTestServer();
    const second = server.received("RCPT", 2);
    const messages = server.accepted(1);
    await tell(server, `${ENVELOPE}${TEXT}QUIT\r\n`);
    expect(await second).toMatchObject({ address: "c@y" });
    expect(await server.received("RCPT TO:<b@y>")).toMatchObject({ nth: 1 });
    expect(await messages).toHaveLength(1);
  });

  test("who waits in vain hears of it when the server is closed", async () => {
    const server = await createTestServer();
    const waiting = [
      expect(server.received("DATA")).rejects.toThrow('"DATA" number 1 had not come'),
      expect(server.accepted(2)).rejects.toThrow("message number 2 had not come"),
    ];
    await server.close();
    await Promise.all(waiting);
  });
});

test("what is no option, no time and no command is a TypeError", async () => {
  const options = { replys: {} } as TestServerOptions;
  await expect(createTestServer(options)).rejects.toThrow('no option "replys"');
  await expect(createTestServer({ latency: Number.NaN })).rejects.toThrow("latency");
  await expect(createTestServer({ replies: { RCTP: "250" } })).rejects.toThrow(
    'replies: no command begins with "RCTP"',
  );
  await using server = await createTestServer();
  await expect(server.received("dat")).rejects.toThrow(TypeError);
});

test("a port that is taken is an error", async () => {
  await using server = await createTestServer();
  await expect(createTestServer({ port: server.port })).rejects.toThrow("EADDRINUSE");
});
