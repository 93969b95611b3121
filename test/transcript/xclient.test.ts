import { SmtpSession, type Xclient } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message, type Outcome } from "../support/scripted-peer.ts";

const OFFERED = hello("XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
const AGAIN = hello("PIPELINING").replace(/^\s*S: 220.*$/m, "");
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

function held(xclient: Xclient, script: string): Promise<Outcome> {
  return conversation([message(1)], script, { session: { xclient } });
}

describe("XCLIENT", () => {
  test("says whom it speaks for, and begins anew", async () => {
    const { fates, log } = await held(
      { name: "mx+client.example", addr: "IPV6:2001:db8::1", helo: "a b", login: "x=y" },
      `${OFFERED}
      C: XCLIENT NAME=mx+2Bclient.example ADDR=IPV6:2001:db8::1 HELO=a+20b LOGIN=x+3Dy
      S: 220 peer.example ESMTP again
      ${AGAIN}
      ${SENT}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
    expect([...(log.of("ready")[0]?.capabilities.keys() ?? [])]).toEqual(["PIPELINING"]);
  });

  test("takes as many commands as their length asks for", async () => {
    const [name, helo, login] = ["n", "h", "l"].map((letter) => letter.repeat(240));
    const { fates } = await held(
      { name, helo, login },
      `${OFFERED}
      C: XCLIENT NAME=${name} HELO=${helo}
      S: 220 again
      C: XCLIENT LOGIN=${login}
      S: 220 and again
      ${AGAIN}
      ${SENT}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test("an attribute has room in a command as it is sent", async () => {
    const name = "=".repeat(85);
    const { fates } = await held(
      { name },
      `${OFFERED}
      C: XCLIENT NAME=${"+3D".repeat(85)}
      S: 220 again
      ${AGAIN}
      ${SENT}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
    expect(() => new SmtpSession({ host: "peer.example", xclient: { name: `${name}=` } })).toThrow(
      "xclient.name must be a value for XCLIENT: it is longer than 255 characters as it is sent",
    );
  });

  const refused: [what: string, script: string, retryable: boolean][] = [
    ["is not offered", HELLO, false],
    ["is offered without an attribute that is given", hello("XCLIENT NAME HELO"), false],
    ["is refused", `${OFFERED}\nC: XCLIENT NAME=client.example ADDR=192.0.2.1\nS: 550 not you`, false],
    ["is refused for now", `${OFFERED}\nC: XCLIENT NAME=client.example ADDR=192.0.2.1\nS: 421 busy`, true],
  ];
  test.each(refused)("ends the session where it %s", async (_, script, retryable) => {
    const { error, log, fates } = await held(
      { name: "client.example", addr: "192.0.2.1" },
      `${script}\n-- client closes`,
    );
    expect(error).toBe("ESMTP_XCLIENT");
    expect(log.of("error")[0]?.error.retryable).toBe(retryable);
    expect(fates).toEqual(["b1 failed connection ESMTP_XCLIENT retryable"]);
  });
});
