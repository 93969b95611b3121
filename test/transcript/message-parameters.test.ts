import type { Message } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message } from "../support/scripted-peer.ts";

// DELIVERBY (RFC 2852), MT-PRIORITY (RFC 6710) and FUTURERELEASE (RFC 4865).

/** MAIL is refused: what it says is all that matters. */
function mail(greeting: string, line: string): string {
  return `${greeting}
    C: ${line}
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 550 no
    S: 503 no
    S: 503 no
    ${BYE}`;
}

const PLAIN = "MAIL FROM:<a1@example.org>";
const UNSUPPORTED = "b1 failed unsupported ESMTP_UNSUPPORTED";
const INVALID = "b1 failed invalid ESMTP_INVALID_PARAMETER";

describe("MAIL says it where the server offers the extension", () => {
  const cases: readonly [string, Partial<Message>, string][] = [
    ["DELIVERBY", { deliverBy: { seconds: 120, mode: "R" } }, " BY=120;R"],
    ["DELIVERBY", { deliverBy: { seconds: 120, mode: "N", trace: true } }, " BY=120;NT"],
    ["DELIVERBY", { deliverBy: { seconds: -5, mode: "N" } }, " BY=-5;N"],
    ["DELIVERBY 120", { deliverBy: { seconds: 120, mode: "R" } }, " BY=120;R"],
    // RFC 2852 §2: the minimum is one of mode R.
    ["DELIVERBY 120", { deliverBy: { seconds: 1, mode: "N" } }, " BY=1;N"],
    ["MT-PRIORITY", { mtPriority: 3 }, " MT-PRIORITY=3"],
    ["MT-PRIORITY MIXER", { mtPriority: -9 }, " MT-PRIORITY=-9"],
    ["MT-PRIORITY", { mtPriority: 0 }, " MT-PRIORITY=0"],
    ["FUTURERELEASE 3600 2030-01-31T12:00:00Z", { holdFor: 3_600 }, " HOLDFOR=3600"],
    [
      "FUTURERELEASE 3600 2030-01-31T12:00:00Z",
      { holdUntil: "2030-01-31T12:00:00Z" },
      " HOLDUNTIL=2030-01-31T12:00:00Z",
    ],
    [
      "FUTURERELEASE 3600 2030-01-31T12:00:00Z",
      { holdUntil: new Date(Date.UTC(2030, 0, 31, 11, 59, 58, 1)) },
      " HOLDUNTIL=2030-01-31T11:59:59Z",
    ],
    ["FUTURERELEASE", { holdUntil: "2030-01-31T12:00:00.000+02:00" }, " HOLDUNTIL=2030-01-31T10:00:00Z"],
    ["FUTURERELEASE", { holdUntil: "2030-01-31T12:00:00.999Z" }, " HOLDUNTIL=2030-01-31T12:00:01Z"],
  ];
  test.each(cases)("%s: %o", async (extension, more, parameter) => {
    const { fates, warnings } = await conversation(
      [message(1, more)],
      mail(hello("PIPELINING", extension), `${PLAIN}${parameter}`),
    );
    expect(fates).toEqual(["b1 failed mail 550"]);
    expect(warnings).toEqual([]);
  });

  test("all at once, in one order", async () => {
    const more: Partial<Message> = {
      dsn: { ret: "HDRS" },
      mtPriority: 1,
      deliverBy: { seconds: 9_000, mode: "R" },
      holdFor: 60,
      smtputf8: true,
    };
    await conversation(
      [message(1, more)],
      mail(
        hello("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "DELIVERBY", "MT-PRIORITY", "FUTURERELEASE"),
        `${PLAIN} SMTPUTF8 RET=HDRS BY=9000;R MT-PRIORITY=1 HOLDFOR=60`,
      ),
    );
  });
});

describe("where it does not, the message goes out without, and a warning says so, once", () => {
  const cases: readonly [string, Partial<Message>][] = [
    ["ESMTP_DELIVERBY_UNSUPPORTED", { deliverBy: { seconds: 120, mode: "N" } }],
    ["ESMTP_MT_PRIORITY_UNSUPPORTED", { mtPriority: 0 }],
  ];
  test.each(cases)("%s", async (code, more) => {
    const { fates, warnings } = await conversation(
      [message(1, more), message(2, more)],
      `${hello()}
      C: MAIL FROM:<a1@example.org>
      S: 550 no
      C: MAIL FROM:<a2@example.org>
      S: 550 no
      ${BYE}`,
    );
    expect(fates).toEqual(["b1 failed mail 550", "b2 failed mail 550"]);
    expect(warnings).toEqual([code]);
  });

  test("each by itself", async () => {
    const { warnings } = await conversation(
      [message(1, { mtPriority: 1, deliverBy: { seconds: 1, mode: "N" }, dsn: { ret: "FULL" } })],
      mail(HELLO, PLAIN),
    );
    expect(warnings).toEqual([
      "ESMTP_DSN_UNSUPPORTED",
      "ESMTP_DELIVERBY_UNSUPPORTED",
      "ESMTP_MT_PRIORITY_UNSUPPORTED",
    ]);
  });
});

describe("what the server can't do, and the message can't go without, is unsupported: nothing of it is sent", () => {
  const cases: readonly [string, string, Partial<Message>, RegExp][] = [
    [
      "to be delivered in time or returned",
      "HELP",
      { deliverBy: { seconds: 120, mode: "R" } },
      /does not offer DELIVERBY/,
    ],
    [
      "a time that is too short",
      "DELIVERBY 121",
      { deliverBy: { seconds: 120, mode: "R" } },
      /within 120 seconds.*takes 121/,
    ],
    ["to be held for a time", "HELP", { holdFor: 60 }, /does not offer FUTURERELEASE/],
    ["to be held until then", "HELP", { holdUntil: new Date(0) }, /does not offer FUTURERELEASE/],
    [
      "to be held for too long",
      "FUTURERELEASE 59 2030-01-31T12:00:00Z",
      { holdFor: 60 },
      /limit of 59 seconds/,
    ],
    [
      "to be held until too late",
      "FUTURERELEASE 999999999 2030-01-31T12:00:00Z",
      { holdUntil: "2030-01-31T12:00:00.001Z" },
      /limit of 2030-01-31T12:00:00Z/,
    ],
  ];
  test.each(cases)("%s", async (_, extension, more, error) => {
    const { fates, deliveries, warnings } = await conversation(
      [message(1, more)],
      `${hello("PIPELINING", extension)}${BYE}`,
    );
    expect(fates).toEqual([UNSUPPORTED]);
    expect(deliveries[0]?.error?.message).toMatch(error);
    expect(warnings).toEqual([]);
  });
});

describe("a value that can't be said is invalid: nothing of the message is sent", () => {
  const cases: readonly [string, Partial<Message>][] = [
    ["deliverBy.seconds", { deliverBy: { seconds: 0, mode: "R" } }],
    ["deliverBy.seconds", { deliverBy: { seconds: -1, mode: "R" } }],
    ["deliverBy.seconds", { deliverBy: { seconds: 1e9, mode: "N" } }],
    ["deliverBy.seconds", { deliverBy: { seconds: Number.NaN, mode: "N" } }],
    ["mtPriority", { mtPriority: 10 }],
    ["mtPriority", { mtPriority: -10 }],
    ["mtPriority", { mtPriority: 0.5 }],
    ["holdFor", { holdFor: 0 }],
    ["holdFor", { holdFor: 1e9 }],
    ["holdFor", { holdFor: 1.5 }],
    ["holdUntil", { holdUntil: new Date(Number.NaN) }],
    ["holdUntil", { holdUntil: new Date(8.64e15) }],
    ["holdUntil", { holdUntil: "tomorrow" }],
    ["holdUntil", { holdUntil: "" }],
    ["holdUntil", { holdUntil: "2030-01-31" }],
    ["holdUntil", { holdUntil: "2030-01-31T12:00:00" }],
    ["holdUntil", { holdUntil: "2030-02-30T12:00:00Z" }],
    ["holdUntil", { holdUntil: "2030-01-31T25:00:00Z" }],
    ["holdUntil", { holdUntil: "2030-01-31T12:00:00Z\r\nDATA" }],
    ["holdUntil", { holdUntil: "2030-01-31T12:00:00Z", holdFor: 60 }],
  ];
  test.each(cases)("%s: %o", async (field, more) => {
    const { fates, deliveries } = await conversation(
      [message(1, more), message(2, { to: "b1@example.net" })],
      mail(hello("PIPELINING", "DELIVERBY", "MT-PRIORITY", "FUTURERELEASE"), "MAIL FROM:<a2@example.org>"),
    );
    expect(fates).toEqual([INVALID, "b1 failed mail 550"]);
    expect(deliveries[0]?.error?.message).toMatch(new RegExp(`^${field}: `));
  });
});

test("what was asked is what was asked when the message was queued, whatever becomes of the object", async () => {
  const deliverBy: { seconds: number; mode: "R" | "N" } = { seconds: 60, mode: "R" };
  const holdUntil = new Date(Date.UTC(2030, 0, 31));
  const { fates } = await conversation(
    [],
    mail(
      hello("PIPELINING", "DELIVERBY", "FUTURERELEASE"),
      `${PLAIN} BY=60;R HOLDUNTIL=2030-01-31T00:00:00Z`,
    ),
    {
      run: ({ send }) => {
        const sending = send(message(1, { deliverBy, holdUntil }));
        deliverBy.seconds = 1;
        deliverBy.mode = "N";
        holdUntil.setUTCFullYear(2040);
        return sending;
      },
    },
  );
  expect(fates).toEqual(["b1 failed mail 550"]);
});
