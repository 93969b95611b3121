import { EventEmitter } from "eventemitter3";
import type { SessionEvents } from "smtp-pipelining";
import { attachRecorder, type RecorderOptions } from "smtp-pipelining/recorder";
import { describe, expect, test } from "vitest";
import { startTestServer } from "../support/embedded-server.ts";
import { pageText, pictureOf, recorded } from "../support/recorded.ts";
import { BYE, HELLO, hello, message } from "../support/scripted-peer.ts";

const REFUSED_AND_ACCEPTED = `
  ${hello("PIPELINING", "SIZE 1000")}
  C: MAIL FROM:<a1@example.org> SIZE=8
  C: RCPT TO:<b1@example.net>
  C: RCPT TO:<c1@example.net>
  C: RCPT TO:<d1@example.net>
  C: DATA
  S: 250 ok
  S: 250 2.1.5 welcome
  S: 550 5.1.1 nobody of that name
  S: 451 4.3.0 not today
  S: 354 go on
  C: Text 1
  C: .
  S: 250 2.0.0 taken as 4711
  ${BYE}`;

const TO_THREE = message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] });

describe("the page of a conversation", () => {
  test("says who got what, and why not, without a script", async () => {
    const recorder = await recorded([TO_THREE], REFUSED_AND_ACCEPTED);
    const text = pageText(recorder.html());
    expect(text).toContain("succeeded b1@example.net 250 2.0.0 taken as 4711");
    expect(text).toContain("failed, rcpt c1@example.net 550 5.1.1 nobody of that name");
    expect(text).toContain("failed, rcpt, retryable d1@example.net 451 4.3.0 not today");
    expect(text).toMatch(/3 recipients 1 succeeded 1 failed for now 1 failed for good 0 unknown/);
    expect(text).toMatch(/Messages 1 0 to all recipients, 1 to some, 0 to none/);
    expect(text).toContain("PIPELINING SIZE 1000");
    expect(text).toContain("closed: quit");
  });

  test("counts commands, groups, and the round trips that were saved", async () => {
    const recorder = await recorded([TO_THREE], REFUSED_AND_ACCEPTED);
    // Greeting, EHLO, the envelope of five, the text, QUIT.
    const text = pageText(recorder.html());
    expect(text).toContain("Commands 9 in 5 groups");
    expect(text).toMatch(/9 answered commands in 5 groups: 5 round trips used, 4 saved , about/);
    const sent = /Octets (\d+) sent, (\d+) received/.exec(text);
    const octets = "EHLO client.example|MAIL FROM:<a1@example.org> SIZE=8|RCPT TO:<b1@example.net>|".concat(
      "RCPT TO:<c1@example.net>|RCPT TO:<d1@example.net>|DATA|Text 1|.|QUIT|",
    );
    expect(Number(sent?.[1])).toBe(octets.replaceAll("|", "\r\n").length);
  });

  test("draws from every command with its group, message and reply, in order", async () => {
    const recorder = await recorded([TO_THREE], REFUSED_AND_ACCEPTED);
    const [session] = pictureOf(recorder.html());
    const lines = session?.groups.map(({ exchanges }) =>
      exchanges.map(([command, line, , , seq, , code]) => [command, line, seq, code]),
    );
    expect(lines).toEqual([
      [["greeting", "", 0, 220]],
      [["EHLO", "EHLO client.example", 0, 250]],
      [
        ["MAIL", "MAIL FROM:<a1@example.org> SIZE=8", 1, 250],
        ["RCPT", "RCPT TO:<b1@example.net>", 1, 250],
        ["RCPT", "RCPT TO:<c1@example.net>", 1, 550],
        ["RCPT", "RCPT TO:<d1@example.net>", 1, 451],
        ["DATA", "DATA", 1, 354],
      ],
      [["text", ".", 1, 250]],
      [["QUIT", "QUIT", 0, 221]],
    ]);
    for (const { start, end, exchanges } of session?.groups ?? []) {
      for (const [, , sent, , , replied] of exchanges) {
        expect(Number(replied)).toBeGreaterThanOrEqual(Number(sent ?? start));
        expect(Number(replied)).toBeLessThanOrEqual(Number(end) + 50); // told a moment after it came
      }
    }
    expect(session?.notes.map(([, kind, text]) => `${kind} ${text}`)).toEqual([
      expect.stringMatching(/^plain connecting to 127\.0\.0\.1:\d+$/),
      "plain connected to 127.0.0.1",
      "plain ready",
      "end closed: quit",
    ]);
  });

  test("names the groups that carried a message", async () => {
    const recorder = await recorded([TO_THREE], REFUSED_AND_ACCEPTED);
    const [row = ""] = /<tr class="message"[\s\S]*?<\/tr>/.exec(recorder.html()) ?? [];
    expect([...row.matchAll(/data-group="(\d+)"/g)].map(([, group]) => group)).toEqual(["3", "4"]);
  });

  test("says what the end of the connection left open", async () => {
    const recorder = await recorded(
      [message(1), message(2), message(3)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      -- reset
      `,
    );
    const text = pageText(recorder.html());
    expect(text).toContain("unknown b1@example.net ESMTP_CONNECTION_LOST");
    expect(text).toContain("failed, connection, retryable b2@example.net ESMTP_CONNECTION_LOST");
    expect(text).toContain("failed, connection, retryable b3@example.net ESMTP_CONNECTION_LOST");
    expect(text).toContain("closed: server");
    expect(text).toContain("error ESMTP_CONNECTION_LOST");
    const last = pictureOf(recorder.html())[0]?.groups.at(-1);
    expect(last?.error).toContain("ESMTP_CONNECTION_LOST");
    expect(last?.exchanges.map(({ length }) => length)).toEqual([5, 5, 5, 5, 5]); // no reply
  });

  test("keeps two messages of the same id apart", async () => {
    const server = await startTestServer({
      refusal: (address) => (address.startsWith("b1@") ? { code: 550, text: "no" } : undefined),
    });
    const session = server.session();
    const recorder = attachRecorder(session);
    const twins = [message(1, { id: "twin" }), message(2, { id: "twin" })];
    await Promise.all(twins.map((twin) => session.pipeline(twin)));
    await session.quit();
    const rows = recorder.html().match(/<tr class="message"[\s\S]*?<\/tr>/g) ?? [];
    expect(rows.map((row) => pageText(row).trim().slice(0, 6))).toEqual(["1 twin", "2 twin"]);
    expect(pageText(rows[0] ?? "")).toContain("failed, rcpt b1@example.net 550");
    expect(pageText(rows[1] ?? "")).toContain("succeeded b2@example.net 250");
  });

  test("can be had in the middle of it: what is open is called open", async () => {
    const pages: string[] = [];
    await recorded(
      [],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 1
      C: .
      S: 250 taken
      ${BYE}`,
      {},
      {
        run: async ({ session, send }) => {
          const recorder = attachRecorder(session);
          session.on("sent", ({ command }) => command === "DATA" && pages.push(recorder.html()));
          await send(message(1));
        },
      },
    );
    const text = pageText(pages[0] ?? "");
    expect(text).toContain("0 to none; 1 open");
    expect(text).toContain("open: 1 recipient");
    expect(pictureOf(pages[0] ?? "")[0]?.groups.at(-1)?.end).toBeNull();
  });
});

describe("what nobody should believe", () => {
  const EVIL = '</script><img src=x onerror="alert(1)">';

  test("markup in a reply, an address, an id or a title stays text", async () => {
    const address = '"</script><img src=x onerror=alert(2)>"@example.net';
    const recorder = await recorded(
      [message(1, { to: [address, "b1@example.net"], id: "<b>&amp;id" })],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<${address}>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 550 ${EVIL}
      S: 550 <!--<script>
      S: 554 none
      ${BYE}`,
      { title: "</title><script>alert(3)</script>" },
    );
    const html = recorder.html();
    expect(html).not.toMatch(/<img/i);
    expect(html.match(/<script\b/g)).toHaveLength(2);
    expect(html.match(/<\/script/g)).toHaveLength(2);
    expect(html).not.toContain("<!--");
    expect(pageText(html)).toContain(`550 ${EVIL}`);
    expect(pageText(html)).toContain(address);
    expect(pageText(html)).toContain("<b>&amp;id");
    // And the picture has them as they were.
    const [session] = pictureOf(html);
    const exchanges = session?.groups.flatMap((group) => group.exchanges);
    expect(exchanges?.find(([, line]) => line === `RCPT TO:<${address}>`)?.at(-1)).toBe(EVIL);
  });

  test("nothing is loaded: the page forbids it, and has no address to load from", async () => {
    const recorder = await recorded([TO_THREE], REFUSED_AND_ACCEPTED);
    const html = recorder.html();
    expect(html).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"`,
    );
    expect(html.match(/(?:href|src)=|@import|\burl\(|fetch\(|XMLHttpRequest|import\(/g)).toBeNull();
    expect(html.match(/https?:\/\/[^"]*/g)).toEqual(["http://www.w3.org/2000/svg"]);
  });
});

describe("attaching", () => {
  test.each<[RecorderOptions, string]>([
    [{ title: 1 as unknown as string }, "options.title must be a string"],
    [{ maxGroups: 0 }, "options.maxGroups must be an integer from 1"],
    [{ maxGroups: 1.5 }, "options.maxGroups must be an integer from 1"],
    [{ redactAddresses: "yes" as unknown as boolean }, "options.redactAddresses must be a boolean"],
    [{ maxGroup: 3 } as RecorderOptions, "options.maxGroup is unknown"],
    [null as unknown as RecorderOptions, "options must be an object"],
  ])("an option that won't do is named: %j", (options, problem) => {
    const target = Object.assign(new EventEmitter<SessionEvents>(), { sessions: [] });
    expect(() => attachRecorder(target, options)).toThrow(TypeError);
    expect(() => attachRecorder(target, options)).toThrow(problem);
    expect(target.eventNames()).toEqual([]);
  });

  test("a target that is none is refused", () => {
    expect(() => attachRecorder({} as unknown as Parameters<typeof attachRecorder>[0])).toThrow(
      /^target must be/,
    );
  });

  test("detached, it records no more and shows what it had", async () => {
    const recorder = await recorded(
      [],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 550 no
      S: 554 none
      C: NOOP
      S: 250 yes
      ${BYE}`,
      {},
      {
        run: async ({ session, send }) => {
          const own = attachRecorder(session);
          await send(message(1));
          own.detach();
          await session.noop();
          expect(pageText(own.html())).toContain("Commands 5 in 3 groups");
          expect(pageText(own.html())).not.toContain("closed");
        },
      },
    );
    expect(pageText(recorder.html())).toContain("Commands 7 in 5 groups");
  });

  test("attached late, it has the groups that ended since, whole", async () => {
    let html = "";
    await recorded(
      [],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 1
      C: .
      S: 250 taken
      ${BYE}`,
      {},
      {
        run: async ({ session, send }) => {
          session.once("messageStart", () => {
            session.once("sent", () => {
              const late = attachRecorder(session);
              session.on("messageEnd", () => {
                html = late.html();
              });
            });
          });
          await send(message(1));
        },
      },
    );
    const [session] = pictureOf(html);
    expect(session?.groups[0]?.exchanges.map(([, line]) => line)).toEqual([
      "MAIL FROM:<a1@example.org>",
      "RCPT TO:<b1@example.net>",
      "DATA",
    ]);
    expect(pageText(html)).toContain("succeeded b1@example.net 250 taken");
    expect(pageText(html)).toContain("Capabilities: not seen.");
  });
});
