import { inspect } from "node:util";
import type { Credentials, MechanismName, SessionOptions } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, hello, message, type Outcome, ScriptedPeer } from "../support/scripted-peer.ts";

// In plain text, so that the lines can be read here: what may be shown to nobody is allowed by `allowInsecureAuth`.

const PASSWORD = { user: "tim", pass: "pencil" };
const TOKEN = { user: "tim", accessToken: "token" };
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

function offering(mechanisms: string): string {
  return hello("PIPELINING", `AUTH ${mechanisms}`);
}

function held(
  auth: SessionOptions["auth"],
  script: string,
  more: Partial<SessionOptions> = {},
): Promise<Outcome> {
  return conversation([message(1)], script, {
    session: { auth, tls: "off", allowInsecureAuth: true, ...more },
  });
}

const b64 = (text: string): string => Buffer.from(text).toString("base64");

describe("a mechanism speaks", () => {
  // Written out: "AHRpbQBwZW5jaWw=" is base64 of "\0tim\0pencil", "dGlt" of "tim", "cGVuY2ls" of "pencil".
  const exchanges: [MechanismName, Credentials, string][] = [
    ["PLAIN", PASSWORD, "C: AUTH PLAIN AHRpbQBwZW5jaWw=\nS: 235 2.7.0 welcome"],
    [
      "LOGIN",
      PASSWORD,
      "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dGlt\nS: 334 UGFzc3dvcmQ6\nC: cGVuY2ls\nS: 235 welcome",
    ],
    // HMAC-MD5 of "<1@peer>" with the key "pencil".
    [
      "CRAM-MD5",
      PASSWORD,
      `C: AUTH CRAM-MD5\nS: 334 PDFAcGVlcj4=\nC: ${b64("tim 0244cc460add63556c406fba604b266d")}\nS: 235 welcome`,
    ],
    ["XOAUTH2", TOKEN, "C: AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdG9rZW4BAQ==\nS: 235 welcome"],
  ];
  test.each(exchanges)("%s", async (mechanism, auth, script) => {
    const { fates, log } = await held(auth, `${offering(mechanism)}\n${script}\n${SENT}`);
    expect(fates).toEqual(["b1 succeeded 250"]);
    expect(log.of("ready")[0]).toMatchObject({ authenticated: true, mechanism });
  });

  test("OAUTHBEARER, to the host and port of the session", async () => {
    const peer = await ScriptedPeer.start();
    const { fates } = await peer.conversation(
      [message(1)],
      `${offering("OAUTHBEARER")}
      C: AUTH OAUTHBEARER ${b64(`n,a=tim,\x01host=127.0.0.1\x01port=${peer.port}\x01auth=Bearer token\x01\x01`)}
      S: 235 welcome
      ${SENT}`,
      {
        session: { auth: TOKEN, tls: "off", allowInsecureAuth: true },
      },
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test("behind a 334 where its first words are too long for a command (RFC 4954 §4)", async () => {
    const accessToken = "t".repeat(400);
    const first = b64(`user=tim\x01auth=Bearer ${accessToken}\x01\x01`);
    const { fates } = await held(
      { user: "tim", accessToken },
      `${offering("XOAUTH2")}\nC: AUTH XOAUTH2\nS: 334\nC: ${first}\nS: 235 ok\n${SENT}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });
});

test("a token that is too long for any server is refused like another", async () => {
  const accessToken = "t".repeat(300_000);
  const { error } = await held(
    { user: "tim", accessToken },
    `${offering("XOAUTH2")}
    C: AUTH XOAUTH2
    S: 334
    C: ${b64(`user=tim\x01auth=Bearer ${accessToken}\x01\x01`)}
    S: 500 5.5.6 line too long
    -- client closes`,
  );
  expect(error).toBe("ESMTP_AUTH_FAILED");
});

test("what a server repeats of the secret is not shown, nor where it cuts it short", async () => {
  const pass = "pencil".repeat(20);
  const line = `AUTH PLAIN ${b64(`\0tim\0${pass}`)}`;
  const { log } = await held(
    { user: "tim", pass },
    `${offering("PLAIN")}
    C: ${line}
    S: 500-what is ${line}
    S: 500-or ${line.slice(0, 80)}, or ${pass.slice(0, 50)}.
    S: 500 tim
    -- client closes`,
  );
  expect(log.of("error")[0]?.error.reply?.lines).toEqual([
    "what is AUTH PLAIN ***",
    "or AUTH PLAIN ***, or ***.",
    "tim",
  ]);
  expect(inspect(log.of("error"), { depth: 9 })).not.toMatch(/pencil|AHRpbQBw/);
});

describe("what is no reply and may repeat the secret is not shown:", () => {
  const long = { user: "tim", pass: "pencil".repeat(20) };
  const quoted = { user: "tim", pass: 'pen"cil' };
  const echoes: [what: string, auth: Credentials, echo: (line: string) => string, secret: string][] = [
    ["a part of a long line", long, (line) => line, "AHRpbQBwZW5jaWxwZW5jaWxwZW5j"],
    ["a part of a long password", long, () => `you are ${long.pass}`, "pencil"],
    ["a password that is escaped", quoted, () => `you are ${quoted.pass}`, 'cil",'],
  ];
  test.each(echoes)("%s", async (_, auth, echo, secret) => {
    const line = `AUTH PLAIN ${b64(`\0tim\0${"pass" in auth ? auth.pass : ""}`)}`;
    const { error, log } = await held(
      auth,
      `${offering("PLAIN")}\nC: ${line}\nS: ${echo(line)}\n-- client closes`,
    );
    expect(error).toBe("ESMTP_MALFORMED_REPLY");
    expect(inspect(log.of("error"), { depth: 9 })).not.toContain(secret);
  });
});

describe("the strongest mechanism is used", () => {
  test("the next one only where the server says that it has not got it", async () => {
    const { fates, log } = await held(
      PASSWORD,
      `${offering("LOGIN PLAIN CRAM-MD5")}
      C: AUTH CRAM-MD5
      S: 504 5.5.4 not for you
      C: AUTH PLAIN AHRpbQBwZW5jaWw=
      S: 534 5.7.9 too weak
      C: AUTH LOGIN
      S: 334 VXNlcm5hbWU6
      C: dGlt
      S: 334 UGFzc3dvcmQ6
      C: cGVuY2ls
      S: 235 welcome
      ${SENT}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
    expect(log.of("ready")[0]).toMatchObject({ mechanism: "LOGIN" });
  });

  test("never the next one because the password was refused", async () => {
    const { error, fates, log } = await held(
      PASSWORD,
      `${offering("LOGIN PLAIN")}\nC: AUTH PLAIN AHRpbQBwZW5jaWw=\nS: 535 5.7.8 no\n-- client closes`,
    );
    expect(error).toBe("ESMTP_AUTH_FAILED");
    expect(fates).toEqual(["b1 failed connection ESMTP_AUTH_FAILED retryable"]);
    expect(log.of("error")[0]?.error).toMatchObject({ retryable: false, reply: { code: 535 } });
  });

  test("a refusal for now says that it is one", async () => {
    const { log } = await held(
      PASSWORD,
      `${offering("PLAIN")}\nC: AUTH PLAIN AHRpbQBwZW5jaWw=\nS: 454 4.7.0 later\n-- client closes`,
    );
    expect(log.of("error")[0]?.error).toMatchObject({ code: "ESMTP_AUTH_FAILED", retryable: true });
  });

  const unavailable: [what: string, begin: string][] = [
    ["AUTH is not offered", hello("PIPELINING")],
    ["no mechanism is known", offering("GSSAPI NTLM")],
    ["only mechanisms for tokens are offered", offering("XOAUTH2 OAUTHBEARER")],
    ["the server binds and there is nothing to bind to", offering("SCRAM-SHA-256-PLUS")],
    ["AUTH has no mechanism", hello("AUTH")],
  ];
  test.each(unavailable)("and nothing is sent where %s", async (_, begin) => {
    const { error, log } = await held(PASSWORD, `${begin}\n-- client closes`);
    expect(error).toBe("ESMTP_AUTH_UNAVAILABLE");
    expect(log.of("sent").map(({ command }) => command)).toEqual(["EHLO"]);
  });
});

describe("no plaintext mechanism without TLS", () => {
  const revealing: [MechanismName, Credentials][] = [
    ["PLAIN", PASSWORD],
    ["LOGIN", PASSWORD],
    ["XOAUTH2", TOKEN],
    ["OAUTHBEARER", TOKEN],
  ];
  test.each(revealing)("%s", async (mechanism, auth) => {
    const { error, log } = await held(auth, `${offering(mechanism)}\n-- client closes`, {
      allowInsecureAuth: false,
    });
    expect(error).toBe("ESMTP_AUTH_INSECURE");
    expect(log.of("sent").map(({ command }) => command)).toEqual(["EHLO"]);
  });

  test("a mechanism list altered on the way brings no secret to light", async () => {
    // The server offered SCRAM-SHA-256 as well; somebody on the path left PLAIN only.
    const { error } = await held(PASSWORD, `${offering("PLAIN")}\n-- client closes`, {
      tls: "opportunistic",
      allowInsecureAuth: false,
    });
    expect(error).toBe("ESMTP_AUTH_INSECURE");
  });

  test("with credentials TLS is required unless the caller says otherwise", async () => {
    const { error, log } = await conversation([message(1)], `${offering("PLAIN")}\n-- client closes`, {
      session: { auth: PASSWORD },
    });
    expect(error).toBe("ESMTP_TLS_UNAVAILABLE");
    expect(log.of("sent").map(({ command }) => command)).toEqual(["EHLO"]);
  });

  test("one that hides the password is used all the same", async () => {
    const { fates } = await held(
      PASSWORD,
      `${offering("PLAIN CRAM-MD5")}\nC: AUTH CRAM-MD5\nS: 334 PDFAcGVlcj4=
      C: ${b64("tim 0244cc460add63556c406fba604b266d")}\nS: 235 ok\n${SENT}`,
      { allowInsecureAuth: false },
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });
});

describe("a token that is refused", () => {
  const REFUSED = `S: 334 eyJzdGF0dXMiOiI0MDEifQ==
      C:
      S: 535 5.7.8 expired`;
  const first = "C: AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdG9rZW4BAQ==";
  const second = "C: AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgZnJlc2gBAQ==";

  test("is asked for anew, once", async () => {
    const refusals: unknown[] = [];
    const auth: SessionOptions["auth"] = ({ refusal, host }) => {
      refusals.push([host, refusal?.code]);
      return Promise.resolve({ user: "tim", accessToken: refusal === undefined ? "token" : "fresh" });
    };
    const { fates } = await held(
      auth,
      `${offering("XOAUTH2")}\n${first}\n${REFUSED}\n${second}\nS: 235 welcome\n${SENT}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
    expect(refusals).toEqual([
      ["127.0.0.1", undefined],
      ["127.0.0.1", 535],
    ]);
  });

  test("is given up the second time", async () => {
    let calls = 0;
    const auth = () => ({ user: "tim", accessToken: ++calls === 1 ? "token" : "fresh" });
    const { error } = await held(
      auth,
      `${offering("XOAUTH2")}\n${first}\n${REFUSED}\n${second}\n${REFUSED}\n-- client closes`,
    );
    expect(error).toBe("ESMTP_AUTH_FAILED");
    expect(calls).toBe(2);
  });

  test.each<[string, SessionOptions["auth"]]>([
    ["where it is the same again", () => TOKEN],
    ["where it is not had from a function", TOKEN],
  ])("is not sent again %s", async (_, auth) => {
    const { error } = await held(auth, `${offering("XOAUTH2")}\n${first}\n${REFUSED}\n-- client closes`);
    expect(error).toBe("ESMTP_AUTH_FAILED");
  });

  test("of OAUTHBEARER has its explanation answered with ^A", async () => {
    const peer = await ScriptedPeer.start();
    const { error } = await peer.conversation(
      [message(1)],
      `${offering("OAUTHBEARER")}
      C: AUTH OAUTHBEARER ${b64(`n,a=tim,\x01host=127.0.0.1\x01port=${peer.port}\x01auth=Bearer token\x01\x01`)}
      S: 334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=
      C: AQ==
      S: 535 no
      -- client closes`,
      {
        session: { auth: TOKEN, tls: "off", allowInsecureAuth: true },
      },
    );
    expect(error).toBe("ESMTP_AUTH_FAILED");
  });
});

describe("a server that does not keep to the mechanism", () => {
  const broken: [what: string, mechanism: string, script: string][] = [
    ["asks on", "PLAIN", "C: AUTH PLAIN AHRpbQBwZW5jaWw=\nS: 334 bW9yZQ==\nC: *\nS: 501 cancelled"],
    ["sends no base64", "CRAM-MD5", "C: AUTH CRAM-MD5\nS: 334 no base64\nC: *\nS: 501 cancelled"],
    ["takes the cancelling for a success", "CRAM-MD5", "C: AUTH CRAM-MD5\nS: 334 ?\nC: *\nS: 235 fine"],
    [
      "says that it was a success before anything was proved",
      "CRAM-MD5",
      "C: AUTH CRAM-MD5\nS: 235 fine\nC: *\nS: 500 what",
    ],
  ];
  test.each(broken)("%s", async (_, mechanism, script) => {
    const { error } = await held(PASSWORD, `${offering(mechanism)}\n${script}\n-- client closes`);
    expect(error).toBe("ESMTP_AUTH_FAILED");
  });

  test("another 3yz is out of step", async () => {
    const { error } = await held(
      PASSWORD,
      `${offering("PLAIN")}\nC: AUTH PLAIN AHRpbQBwZW5jaWw=\nS: 354 go\n-- client closes`,
    );
    expect(error).toBe("ESMTP_OUT_OF_STEP");
  });

  test("421 in the middle is the end", async () => {
    const { reason, fates } = await held(
      PASSWORD,
      `${offering("PLAIN")}\nC: AUTH PLAIN AHRpbQBwZW5jaWw=\nS: 421 bye\n-- client closes`,
    );
    expect(reason).toBe("server");
    expect(fates).toEqual(["b1 failed connection ESMTP_AUTH_FAILED retryable"]);
  });
});

describe("a function for the credentials", () => {
  const answers: [what: string, give: () => unknown, says: RegExp][] = [
    [
      "throws",
      () => {
        throw new Error("the vault is shut");
      },
      /the vault is shut/,
    ],
    ["rejects", () => Promise.reject(new Error("the vault is shut")), /the vault is shut/],
    ["returns nothing", () => undefined, /must be an object/],
    [
      "returns a promise of something unfit",
      async () => ({ user: "tim", pass: "s3cret\n" }),
      /auth.pass must have no/,
    ],
    ["forgets the user", () => ({ pass: "s3cret" }), /auth.user must be a string/],
  ];
  test.each(answers)("that %s ends the session", async (_, give, says) => {
    const { error, fates, log } = await held(
      give as unknown as SessionOptions["auth"],
      `${offering("PLAIN")}\n-- client closes`,
    );
    expect(error).toBe("ESMTP_CREDENTIALS");
    expect(fates).toEqual(["b1 failed connection ESMTP_CREDENTIALS retryable"]);
    expect(log.of("error")[0]?.error.message).toMatch(says);
    expect(log.of("error")[0]?.error.message).not.toContain("s3cret");
  });

  test("that never answers is not waited for without end, and is told", async () => {
    let told: AbortSignal | undefined;
    const { error, reason } = await held(
      ({ signal }) => {
        told = signal;
        return new Promise(() => undefined);
      },
      `${offering("PLAIN")}\n-- client closes`,
      { timeouts: { command: 50 } },
    );
    expect(error).toBe("ESMTP_TIMEOUT");
    expect(reason).toBe("timeout");
    expect(told?.aborted).toBe(true);
  });

  test("is not asked where AUTH is not offered", async () => {
    let asked = false;
    const auth = () => {
      asked = true;
      return PASSWORD;
    };
    const { error } = await held(auth, `${hello("PIPELINING")}\n-- client closes`);
    expect(error).toBe("ESMTP_AUTH_UNAVAILABLE");
    expect(asked).toBe(false);
  });

  test("what the server says meanwhile was not asked for", async () => {
    const { error } = await held(
      () => new Promise(() => undefined),
      `${offering("PLAIN")}\nS: 250 hurry\n-- client closes`,
    );
    expect(error).toBe("ESMTP_OUT_OF_STEP");
  });
});
