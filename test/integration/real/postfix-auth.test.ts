import { type SessionOptions, SmtpSession } from "smtp-pipelining";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CERTIFICATE } from "../../support/certificate.ts";
import { accessToken } from "../../support/real-servers/access-token.ts";
import { dovecotSkipped, type RunningDovecot, startDovecot } from "../../support/real-servers/dovecot.ts";
import { postfixSkipped, type RunningPostfix, startPostfix } from "../../support/real-servers/postfix.ts";

const USER = "anna";
const PASSWORD = "pass, word=1";
const START = 60_000;

const MECHANISMS = [
  "SCRAM-SHA-256",
  "SCRAM-SHA-1",
  "CRAM-MD5",
  "PLAIN",
  "LOGIN",
  "XOAUTH2",
  "OAUTHBEARER",
] as const;
type Mechanism = (typeof MECHANISMS)[number];
const WITH_TOKEN: ReadonlySet<Mechanism> = new Set(["XOAUTH2", "OAUTHBEARER"]);

function auth(mechanism: Mechanism, secret: string): SessionOptions["auth"] {
  const mechanisms = [mechanism];
  return WITH_TOKEN.has(mechanism)
    ? { user: USER, accessToken: secret, mechanisms }
    : { user: USER, pass: secret, mechanisms };
}

describe.skipIf(postfixSkipped || dovecotSkipped)("AUTH to Postfix", () => {
  let dovecot: RunningDovecot;
  let postfix: RunningPostfix;
  beforeAll(async () => {
    dovecot = await startDovecot({ users: [{ name: USER, password: PASSWORD }] });
    postfix = await startPostfix({ mailboxes: ["bert"], authSocket: dovecot.authSocket });
  }, START);
  afterAll(async () => {
    await postfix?.stop();
    await dovecot?.stop();
  });

  function session(options: Partial<SessionOptions>): SmtpSession {
    const made = new SmtpSession({
      host: "127.0.0.1",
      port: options.tls === "implicit" ? postfix.ports.tls : postfix.ports.starttls,
      tls: "required",
      tlsOptions: { ca: CERTIFICATE },
      ...options,
    });
    onTestFinished(() => made.destroy());
    return made;
  }

  /** The AUTH lines as they were told: the secret is not among them. */
  function authLines(client: SmtpSession): string[] {
    const lines: string[] = [];
    client.on("sent", ({ line, command }) => {
      if (command === "AUTH") lines.push(line);
    });
    return lines;
  }

  test.each(
    MECHANISMS.flatMap((mechanism) => [[mechanism, "required"] as const, [mechanism, "implicit"] as const]),
  )("%s, TLS %s: mail is taken, and Postfix knows whose it is", async (mechanism, tls) => {
    const secret = WITH_TOKEN.has(mechanism) ? accessToken(USER) : PASSWORD;
    const client = session({ tls, auth: auth(mechanism, secret) });
    const lines = authLines(client);
    const subject = `Subject: ${mechanism} ${tls}`;
    const deliveries = await Promise.all(
      [1, 2, 3].map((n) =>
        client.pipeline({
          from: "anna@example.net",
          to: ["bert@example.net", "nobody@example.net"],
          data: `${subject} ${n}\r\n\r\n.\r\n`,
        }),
      ),
    );
    expect(deliveries.map(({ succeeded, failed }) => [succeeded[0]?.address, failed[0]?.stage])).toEqual(
      [1, 2, 3].map(() => ["bert@example.net", "rcpt"]),
    );
    expect(client.authenticated).toBe(true);
    await client.quit();
    const texts = await postfix.delivered("bert@example.net");
    expect(texts.filter((text) => text.startsWith(`${subject} `)).sort()).toEqual(
      [1, 2, 3].map((n) => `${subject} ${n}\r\n\r\n.\r\n`),
    );
    await postfix.logs(`sasl_method=${mechanism}, sasl_username=${USER}`);
    expect(lines[0]).toContain(`AUTH ${mechanism}`);
    const secrets = [secret, `\0${USER}\0${secret}`].flatMap((text) => [
      text,
      Buffer.from(text).toString("base64"),
    ]);
    expect(secrets.filter((text) => lines.join("\n").includes(text))).toEqual([]);
  });

  test("takes the strongest mechanism of those that are offered", async () => {
    const client = session({ auth: { user: USER, pass: PASSWORD } });
    const lines = authLines(client);
    await client.connect();
    expect(lines[0]).toContain("AUTH SCRAM-SHA-256");
  });

  test.each(MECHANISMS)(
    "%s: a wrong secret ends the session, and nothing is delivered",
    async (mechanism) => {
      const client = session({ auth: auth(mechanism, "wrong") });
      const data = `Subject: wrong ${mechanism}\r\n\r\n`;
      const { failed } = await client.pipeline({ from: "anna@example.net", to: "bert@example.net", data });
      expect(failed.map(({ stage, error }) => [stage, error?.reply?.code])).toEqual([["connection", 535]]);
      expect(client.authenticated).toBe(false);
      expect(await postfix.delivered("bert@example.net")).not.toContain(data);
    },
  );

  test("without AUTH no recipient is taken", async () => {
    const { failed } = await session({}).pipeline({
      from: "anna@example.net",
      to: "bert@example.net",
      data: "Subject: nobody\r\n\r\n",
    });
    expect(failed.map(({ stage, reply }) => [stage, reply?.enhanced])).toEqual([["rcpt", "5.7.1"]]);
  });
});
