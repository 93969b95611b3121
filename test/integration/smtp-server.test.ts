import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import type { CommandGroup, Message } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { canonical } from "../../examples/deliver/arrival.ts";
import type { Refusal } from "../../examples/deliver/embedded-server.ts";
import { EXAMPLE_MAIL, findMails } from "../../examples/deliver/mail.ts";
import { startTestServer } from "../support/embedded-server.ts";

const FROM = "sender@example.org";

const TEXTS: readonly (readonly [string, Buffer])[] = [
  ["nothing", Buffer.from("")],
  ["one octet", Buffer.from("a")],
  ["a dot", Buffer.from(".")],
  ["a line of a dot", Buffer.from(".\r\n")],
  ["what looks like the end of a text and more", Buffer.from("a: b\r\n\r\n.\r\nMAIL FROM:<x@x>\r\n.\r\n")],
  ["the same with bare LFs", Buffer.from("a: b\n\n.\nMAIL FROM:<x@x>\n.\n")],
  ["the same with bare CRs", Buffer.from("a: b\r\r.\rMAIL FROM:<x@x>\r.\r")],
  ["a CR at the end", Buffer.from("a: b\r\n\r\nc\r")],
  ["every octet", Buffer.from(Array.from({ length: 256 }, (_, octet) => octet))],
  ["a block less one octet", Buffer.alloc(65_535, "x")],
  ["a block", Buffer.alloc(65_536, "x")],
  ["a block and one octet", Buffer.alloc(65_537, "x")],
  ["many blocks of dot lines", Buffer.from(".line\r\n".repeat(20_000))],
  ["two megabytes in one line", Buffer.alloc(2_000_000, "y")],
];

/** The same octets in pieces of awkward sizes. */
function pieces(octets: Buffer): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0, size = 1; at < octets.length; at += size, size = (size * 7) % 65_521) {
    cut.push(octets.subarray(at, at + size));
  }
  return cut;
}

describe.each([
  ["with PIPELINING", false],
  ["without PIPELINING", true],
])("a server %s", (_, hidePIPELINING) => {
  const smtp = { hidePIPELINING };

  test("gets addresses beyond ASCII as they are", async () => {
    const server = await startTestServer({ smtp });
    await using session = server.session();
    const to = ["日本@例え.example", "to@example.net"];
    const delivery = await session.pipeline({ from: "grüße@example.org", to, data: "Subject: ü\r\n" });
    expect(delivery.ok).toBe(true);
    // It keeps domains as U-labels.
    expect(server.arrivals.map(({ from, recipients }) => [from, ...recipients])).toEqual([
      ["grüße@example.org", ...to],
    ]);
  });

  test("gets every text octet for octet", async () => {
    const server = await startTestServer({ smtp });
    await using session = server.session();
    const texts = [
      ...TEXTS,
      ...findMails(EXAMPLE_MAIL).map(({ name, file }) => [name, readFileSync(file)] as const),
    ];
    const deliveries = await Promise.all(
      texts.map(([name, data]) => session.pipeline({ id: name, from: FROM, to: "to@example.net", data })),
    );

    expect(deliveries.filter(({ ok }) => !ok)).toEqual([]);
    expect(deliveries.map(({ id }) => id)).toEqual(texts.map(([name]) => name));
    expect(server.arrivals.length).toBe(texts.length);
    for (const [i, [name, text]] of texts.entries()) {
      expect(server.arrivals[i]?.text.equals(canonical(text)), name).toBe(true);
    }
  });

  test.each<[string, (octets: Buffer) => Message["data"]]>([
    ["a string", (octets) => octets.toString("utf8")],
    ["a Readable", (octets) => Readable.from(pieces(octets))],
    [
      "an async generator",
      async function* (octets) {
        yield* pieces(octets);
      },
    ],
    ["a function returning a Readable", (octets) => () => Readable.from(pieces(octets))],
    ["a function returning a promise of octets", (octets) => () => Promise.resolve(octets)],
  ])("gets the same from %s", async (_name, data) => {
    const server = await startTestServer({ smtp });
    await using session = server.session();
    const texts = TEXTS.filter(([name]) => name !== "every octet").map(([, text]) => text);
    const deliveries = await Promise.all(
      texts.map((text) => session.pipeline({ from: FROM, to: "to@example.net", data: data(text) })),
    );

    expect(deliveries.filter(({ ok }) => !ok)).toEqual([]);
    expect(server.arrivals.map(({ text }, i) => text.equals(canonical(texts[i] ?? text)))).toEqual(
      texts.map(() => true),
    );
  });

  test("refuses some recipients: each has its own fate, and the text goes to the others", async () => {
    const refusals: Record<string, Refusal> = {
      no: { code: 550, text: "no" },
      later: { code: 450, text: "later" },
    };
    const server = await startTestServer({
      smtp,
      refusal: (address) => refusals[address.split("@", 1)[0] ?? ""],
    });
    await using session = server.session();
    const envelopes = [
      ["yes"],
      ["no"],
      ["yes", "no", "later", "also"],
      ["no", "later"],
      ["later"],
      ["no", "yes"],
      ["yes", "also", "third"],
    ];
    const deliveries = await Promise.all(
      envelopes.map((names, i) =>
        session.pipeline({
          from: FROM,
          to: names.map((name) => `${name}@example.net`),
          data: `N: ${i}\r\n`,
        }),
      ),
    );

    const expected = { no: "failed rcpt 550 false", later: "failed rcpt 450 true" } as Record<string, string>;
    expect(
      deliveries.map(({ recipients }) =>
        recipients.map((result) => {
          const { address, status, stage } = result;
          const name = address.split("@", 1)[0] ?? "";
          const code = status === "unknown" ? undefined : result.reply?.code;
          const retryable = status === "failed" && result.retryable;
          return [name, `${status} ${stage} ${code} ${retryable}`];
        }),
      ),
    ).toEqual(
      envelopes.map((names) => names.map((name) => [name, expected[name] ?? "succeeded message 250 false"])),
    );
    expect(deliveries.map(({ ok }) => ok)).toEqual([true, false, false, false, false, false, true]);
    // The 503 to a DATA without recipients decides nothing.
    expect(deliveries.map(({ reply }) => reply?.code)).toEqual([
      250,
      undefined,
      250,
      undefined,
      undefined,
      250,
      250,
    ]);
    // Who arrived, and with which text.
    expect(server.arrivals.map(({ recipients, text }) => [text.toString(), ...recipients])).toEqual(
      [0, 2, 5, 6].map((i) => [
        `N: ${i}\r\n`,
        ...(envelopes[i] ?? []).filter((name) => !(name in refusals)).map((name) => `${name}@example.net`),
      ]),
    );
  });

  test("refuses a sender, and a text", async () => {
    const server = await startTestServer({
      smtp: {
        ...smtp,
        onMailFrom: ({ address }, _session, callback) =>
          callback(address.startsWith("bad") ? Object.assign(new Error("no"), { responseCode: 553 }) : null),
        onData: (stream, session, callback) => {
          const { mailFrom } = session.envelope;
          const refused = mailFrom !== false && mailFrom.address.startsWith("spam");
          stream.resume();
          stream.on("end", () =>
            callback(refused ? Object.assign(new Error("spam"), { responseCode: 554 }) : null),
          );
        },
      },
    });
    await using session = server.session();
    const senders = ["a", "bad1", "b", "spam1", "c", "bad2", "bad3", "spam2", "d"];
    const deliveries = await Promise.all(
      senders.map((name) =>
        session.pipeline({ from: `${name}@example.org`, to: ["x@example.net", "y@example.net"], data: name }),
      ),
    );

    expect(deliveries.map(({ reply }) => reply?.code)).toEqual([250, 553, 250, 554, 250, 553, 553, 554, 250]);
    expect(deliveries.map(({ failed }) => failed.map(({ stage }) => stage))).toEqual(
      senders.map((name) => {
        if (name.startsWith("bad")) return ["mail", "mail"];
        return name.startsWith("spam") ? ["message", "message"] : [];
      }),
    );
  });

  test("declares a SIZE: what is larger is not sent, what is not costs nothing", async () => {
    const server = await startTestServer({ smtp: { ...smtp, size: 1_000 } });
    await using session = server.session();
    const sizes = [10, 998, 999, 1_000, 5_000, 20];
    const deliveries = await Promise.all(
      sizes.map((octets) => session.pipeline({ from: FROM, to: "to@example.net", data: "x".repeat(octets) })),
    );

    // A CRLF comes on top of each.
    expect(deliveries.map(({ ok }) => ok)).toEqual([true, true, false, false, false, true]);
    expect(deliveries[2]?.failed).toMatchObject([
      { stage: "unsupported", retryable: false, error: { code: "ESMTP_SIZE_EXCEEDED" } },
    ]);
    expect(server.lines().filter((line) => line.startsWith("MAIL"))).toEqual([
      `MAIL FROM:<${FROM}> SIZE=12`,
      `MAIL FROM:<${FROM}> SIZE=1000`,
      `MAIL FROM:<${FROM}> SIZE=22`,
    ]);
  });
});

test("a server that hides PIPELINING gets one command at a time, any other one group per message", async () => {
  const groupsOf = async (hidePIPELINING: boolean): Promise<CommandGroup[]> => {
    const server = await startTestServer({ smtp: { hidePIPELINING } });
    const session = server.session();
    const groups: CommandGroup[] = [];
    session.on("groupEnd", ({ group }) => groups.push(group));
    for (let i = 0; i < 20; i++) {
      void session.pipeline({ from: FROM, to: ["a@example.net", "b@example.net"], data: `N: ${i}` });
    }
    await session.quit();
    expect(server.arrivals.length).toBe(20);
    return groups;
  };

  const lockStep = await groupsOf(true);
  expect(lockStep.map(({ exchanges }) => exchanges.length)).toEqual(lockStep.map(() => 1));
  expect(lockStep.length).toBe(2 + 20 * 5 + 1); // greeting, EHLO; MAIL, RCPT, RCPT, DATA, "."; QUIT
  const pipelined = await groupsOf(false);
  expect(pipelined.length).toBe(2 + 21 + 1); // the envelopes; each text with the next envelope; QUIT
  expect(pipelined[3]?.sent).toEqual([
    ".",
    "RSET",
    `MAIL FROM:<${FROM}>`,
    "RCPT TO:<a@example.net>",
    "RCPT TO:<b@example.net>",
    "DATA",
  ]);
});
