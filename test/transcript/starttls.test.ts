import type { Message, SessionOptions } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message, type Outcome } from "../support/scripted-peer.ts";

const OFFERED = hello("PIPELINING", "STARTTLS");
const MESSAGES = [message(1)];
const SENT = `
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 1
    C: .
    S: 250 stored
    ${BYE}`;

function held(
  tls: NonNullable<SessionOptions["tls"]>,
  script: string,
  messages: readonly Message[] = MESSAGES,
): Promise<Outcome> {
  return conversation(messages, script, { session: { tls } });
}

describe("injection behind the 220 of STARTTLS (CVE-2021-38371): the session ends, nothing of it is acted on", () => {
  const injected: readonly [what: string, script: string][] = [
    ["a whole line", "S: 220 go\nS: 250-peer.example"],
    ["a whole reply", "S: 220 go\nS: 250 ok"],
    ["half a line", "S: 220 go\nS> 25"],
    ["a single octet", "S: 220 go\nS> 2"],
    ["a line end", "S: 220 go\nS> <CR><LF>"],
    ["what is no reply", "S: 220 go\nS: hello"],
  ];
  test.each(injected)("%s", async (_, script) => {
    for (const tls of ["opportunistic", "required"] as const) {
      const { fates, reason, error } = await held(
        tls,
        `${OFFERED}\nC: STARTTLS\n${script}\n-- client closes`,
      );
      expect(fates, tls).toEqual(["b1 failed connection ESMTP_TLS_INJECTION retryable"]);
      expect(error).toBe("ESMTP_TLS_INJECTION");
      expect(reason).toBe("error");
    }
  });
});

describe("`required` never falls back to plain text", () => {
  const without: readonly [what: string, script: string, retryable: boolean][] = [
    ["is not offered", HELLO, false],
    ["is refused for now", `${OFFERED}\nC: STARTTLS\nS: 454 not now`, true],
    ["is refused", `${OFFERED}\nC: STARTTLS\nS: 501 no`, false],
    ["is answered with what is no 220", `${OFFERED}\nC: STARTTLS\nS: 250 sure`, false],
    [
      "can't be offered to HELO",
      "S: 220 old\nC: EHLO client.example\nS: 500 what\nC: HELO client.example\nS: 250 hi",
      false,
    ],
  ];
  test.each(without)("where STARTTLS %s", async (_, script, retryable) => {
    const { error, log } = await held("required", `${script}\n-- client closes`);
    expect(error).toBe("ESMTP_TLS_UNAVAILABLE");
    expect(log.of("error")[0]?.error.retryable).toBe(retryable);
    expect(log.of("sent").map(({ command }) => command)).not.toContain("MAIL");
  });
});

describe("`opportunistic`, the default,", () => {
  test("goes on in plain text where STARTTLS is not offered", async () => {
    const { fates, warnings, log } = await conversation(MESSAGES, `${HELLO}${SENT}`);
    expect(fates).toEqual(["b1 succeeded 250"]);
    expect(warnings).toEqual([]);
    expect(log.of("ready")[0]).toMatchObject({ secure: false, verified: false });
  });

  test("goes on in plain text where it is refused, and says so", async () => {
    const { fates, warnings } = await conversation(
      MESSAGES,
      `${OFFERED}\nC: STARTTLS\nS: 454 TLS not available\n${SENT}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
    expect(warnings).toEqual(["ESMTP_STARTTLS_REFUSED"]);
  });

  test("ends where 421 answers", async () => {
    const { error } = await conversation(MESSAGES, `${OFFERED}\nC: STARTTLS\nS: 421 bye\n-- client closes`);
    expect(error).toBe("ESMTP_TLS_UNAVAILABLE");
  });
});

test("`off` speaks plain text where STARTTLS is offered", async () => {
  const { fates } = await held("off", `${OFFERED}${SENT}`);
  expect(fates).toEqual(["b1 succeeded 250"]);
});
