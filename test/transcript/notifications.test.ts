import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message } from "../support/scripted-peer.ts";

const ASKING = message(1, {
  to: [
    { address: "b1@example.net", notify: ["SUCCESS", "FAILURE"], orcpt: "Bob+news@example.com" },
    { address: "c1@example.net", notify: "NEVER" },
    { address: "d1@example.net" },
  ],
  dsn: { ret: "HDRS", envid: "batch 7=8" },
});

describe("what a message asks about notifications (RFC 3461)", () => {
  test("goes with MAIL and RCPT where the server offers DSN", async () => {
    const { fates, warnings } = await conversation(
      [ASKING, message(2)],
      `${hello("PIPELINING", "DSN")}
      C: MAIL FROM:<a1@example.org> RET=HDRS ENVID=batch+207+3D8
      C: RCPT TO:<b1@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2Bnews@example.com
      C: RCPT TO:<c1@example.net> NOTIFY=NEVER
      C: RCPT TO:<d1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 2
      C: .
      S: 250 ok
      ${BYE}`,
    );
    expect(fates).toEqual(["b1", "c1", "d1", "b2"].map((name) => `${name} succeeded 250`));
    expect(warnings).toEqual([]);
  });

  test("is left out where it does not, and a warning says so, once", async () => {
    const { fates, warnings } = await conversation(
      [ASKING, { ...ASKING, id: "m2", to: "e1@example.net" }],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: RCPT TO:<d1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<e1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      S: 250 ok
      ${BYE}`,
    );
    expect(fates).toEqual(["b1", "c1", "d1", "e1"].map((name) => `${name} succeeded 250`));
    expect(warnings).toEqual(["ESMTP_DSN_UNSUPPORTED"]);
  });

  test("costs a recipient if it can't be asked, and a message if its ENVID can't", async () => {
    const { fates, deliveries } = await conversation(
      [
        message(1, {
          to: ["b1@example.net", { address: "c1@example.net", orcpt: "x\r\nDATA" }],
        }),
        message(2, { dsn: { envid: "x\r\nDATA" } }),
      ],
      `${hello("PIPELINING", "DSN")}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      S: 250 ok
      ${BYE}`,
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      "c1 failed invalid ESMTP_INVALID_PARAMETER",
      "b2 failed invalid ESMTP_INVALID_PARAMETER",
    ]);
    expect(deliveries[1]?.error?.message).toContain("dsn.envid");
  });

  test("is what was asked when the message was queued, whatever becomes of the object", async () => {
    const dsn = { ret: "FULL" as "FULL" | "HDRS", envid: "one" };
    const notify: ("SUCCESS" | "DELAY")[] = ["SUCCESS"];
    const to = { address: "b1@example.net", notify };
    await conversation(
      [],
      `${hello("PIPELINING", "DSN")}
      C: MAIL FROM:<a1@example.org> RET=FULL ENVID=one
      C: RCPT TO:<b1@example.net> NOTIFY=SUCCESS
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      S: 250 ok
      ${BYE}`,
      {
        run: ({ send }) => {
          const sent = send(message(1, { to, dsn }));
          dsn.ret = "HDRS";
          dsn.envid = "two";
          notify.push("DELAY");
          return sent;
        },
      },
    );
  });
});
