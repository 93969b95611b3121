import { type Credentials, type MechanismName, type SessionOptions, SmtpSession } from "smtp-pipelining";
import type { SMTPServerAuthentication } from "smtp-server";
import { describe, expect, onTestFinished, test } from "vitest";
import { startEmbeddedServer } from "../../examples/deliver/embedded-server.ts";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { startScramServer } from "../support/scram-server.ts";

const TRUSTED = { ca: CERTIFICATE };

function session(port: number, options: Partial<SessionOptions>): SmtpSession {
  const made = new SmtpSession({ host: "localhost", port, tlsOptions: TRUSTED, ...options });
  onTestFinished(() => made.destroy());
  return made;
}

/** smtp-server that knows one user, with a password and a token. */
async function serve(methods: string[]): Promise<{ port: number; authenticated: string[]; texts: number }> {
  const authenticated: string[] = [];
  const state = { port: 0, authenticated, texts: 0 };
  const server = await startEmbeddedServer({
    arrived: () => {
      state.texts++;
    },
    smtp: {
      key: KEY,
      cert: CERTIFICATE,
      authMethods: methods,
      authOptional: false,
      disabledCommands: [],
      onAuth: (auth, _, done) => {
        if (knows(auth)) {
          authenticated.push(auth.method);
          done(null, { user: auth.username });
        } else if (auth.method === "XOAUTH2") {
          done(null, { data: { status: "401", schemes: "bearer" } });
        } else {
          done(new Error("Invalid username or password"));
        }
      },
    },
  });
  onTestFinished(() => server.close());
  state.port = server.port;
  return state;
}

function knows(auth: SMTPServerAuthentication): boolean {
  if (auth.username !== "tïm@example.org") return false;
  if (auth.method === "XOAUTH2") return auth.accessToken === "good token";
  return auth.method === "CRAM-MD5" ? auth.validatePassword("pass wörd") : auth.password === "pass wörd";
}

const USER = "tïm@example.org";
const MESSAGE = { from: "a@example.org", to: "b@example.net", data: "Subject: x\r\n\r\ny\r\n" };

describe("smtp-server", () => {
  const methods: [MechanismName, Credentials][] = [
    ["PLAIN", { user: USER, pass: "pass wörd" }],
    ["LOGIN", { user: USER, pass: "pass wörd" }],
    ["CRAM-MD5", { user: USER, pass: "pass wörd" }],
    ["XOAUTH2", { user: USER, accessToken: "good token" }],
  ];
  test.each(methods)("%s: messages go once it has accepted the credentials", async (mechanism, auth) => {
    const server = await serve([mechanism]);
    const client = session(server.port, { auth });
    const ready = new Promise((resolve) => client.once("ready", resolve));
    const deliveries = await Promise.all([client.pipeline(MESSAGE), client.pipeline(MESSAGE)]);
    expect(deliveries.map(({ ok }) => ok)).toEqual([true, true]);
    expect(await ready).toMatchObject({ secure: true, verified: true, authenticated: true, mechanism });
    expect(client.authenticated).toBe(true);
    expect(server).toMatchObject({ authenticated: [mechanism], texts: 2 });
    await client.quit();
  });

  test.each(methods)(
    "%s: wrong credentials end the session before any message",
    async (mechanism, { user }) => {
      const server = await serve([mechanism]);
      const auth = mechanism === "XOAUTH2" ? { user, accessToken: "bad" } : { user, pass: "bad" };
      const client = session(server.port, { auth });
      await expect(client.connect()).rejects.toMatchObject({
        code: "ESMTP_AUTH_FAILED",
        reply: { code: 535 },
      });
      const { failed } = await client.pipeline(MESSAGE);
      expect(failed).toMatchObject([{ stage: "connection", retryable: true }]);
      expect(client.authenticated).toBe(false);
      expect(server).toMatchObject({ authenticated: [], texts: 0 });
    },
  );

  test("a stale token is followed by a fresh one", async () => {
    const server = await serve(["XOAUTH2"]);
    const asked: (number | undefined)[] = [];
    const client = session(server.port, {
      auth: async ({ refusal }) => {
        asked.push(refusal?.code);
        return { user: USER, accessToken: refusal === undefined ? "stale" : "good token" };
      },
    });
    expect((await client.pipeline(MESSAGE)).ok).toBe(true);
    expect(asked).toEqual([undefined, 535]);
    await client.quit();
  });

  test("credentials in a URL", async () => {
    const server = await serve(["PLAIN"]);
    const user = encodeURIComponent(USER);
    const client = new SmtpSession(`smtp://${user}:pass%20w%C3%B6rd@localhost:${server.port}`);
    onTestFinished(() => client.destroy());
    // The certificate is nobody's that this machine trusts: that is what `required` is for.
    await expect(client.connect()).rejects.toMatchObject({ code: "ESMTP_TLS_FAILED" });
    expect(server.authenticated).toEqual([]);
  });
});

describe("SCRAM against a server of its own", () => {
  const auth = { user: "tim", pass: "pencil" };
  const bindings: [string, Parameters<typeof startScramServer>[0], MechanismName, string][] = [
    [
      "bound to the connection where the server offers that",
      { password: "pencil", offered: "PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", binds: true },
      "SCRAM-SHA-256-PLUS",
      "p=tls-exporter,,",
    ],
    [
      "bound, with SHA-1",
      { password: "pencil", offered: "SCRAM-SHA-1-PLUS", binds: true },
      "SCRAM-SHA-1-PLUS",
      "p=tls-exporter,,",
    ],
    [
      "not bound where it is not offered",
      { password: "pencil", offered: "SCRAM-SHA-256" },
      "SCRAM-SHA-256",
      "y,,",
    ],
    [
      "not bound where there is nothing to bind to (TLS 1.2)",
      { password: "pencil", offered: "SCRAM-SHA-1 SCRAM-SHA-1-PLUS", maxVersion: "TLSv1.2" },
      "SCRAM-SHA-1",
      "n,,",
    ],
  ];
  test.each(bindings)("%s", async (_, options, mechanism, header) => {
    const server = await startScramServer(options);
    const client = session(server.port, { auth, tls: "implicit" });
    const ready = new Promise((resolve) => client.once("ready", resolve));
    await client.connect();
    expect(await ready).toMatchObject({ authenticated: true, mechanism });
    expect(server.outcomes).toEqual([{ mechanism, header, accepted: true }]);
    await client.quit();
  });

  test("not bound where the caller does not want it, and the server that could is not told otherwise", async () => {
    const offered = "SCRAM-SHA-256 SCRAM-SHA-256-PLUS";
    const server = await startScramServer({ password: "pencil", offered, binds: true });
    const client = session(server.port, {
      auth: { ...auth, mechanisms: ["SCRAM-SHA-256"] },
      tls: "implicit",
    });
    await client.connect();
    expect(server.outcomes).toEqual([{ mechanism: "SCRAM-SHA-256", header: "n,,", accepted: true }]);
    await client.quit();
  });

  test("a password that stands in the challenge's base64 by chance", async () => {
    const server = await startScramServer({ password: "c", offered: "SCRAM-SHA-256" });
    const client = session(server.port, { auth: { user: "tim", pass: "c" }, tls: "implicit" });
    // "r=" and a "c" somewhere: base64 of that begins with "cj".
    await client.connect();
    expect(server.outcomes).toMatchObject([{ accepted: true }]);
    await client.quit();
  });

  test("an offer that was altered on the way is noticed by the server", async () => {
    const server = await startScramServer({ password: "pencil", offered: "SCRAM-SHA-256", binds: true });
    await expect(session(server.port, { auth, tls: "implicit" }).connect()).rejects.toMatchObject({
      code: "ESMTP_AUTH_FAILED",
    });
    expect(server.outcomes).toMatchObject([{ accepted: false }]);
  });

  test("a wrong password is refused", async () => {
    const server = await startScramServer({ password: "another", offered: "SCRAM-SHA-256" });
    await expect(session(server.port, { auth, tls: "implicit" }).connect()).rejects.toMatchObject({
      code: "ESMTP_AUTH_FAILED",
      reply: { code: 535 },
    });
  });
});

describe("TLS sessions of one process", () => {
  async function connected(port: number, options: Partial<SessionOptions>): Promise<boolean | undefined> {
    const client = session(port, options);
    const ready = new Promise<{ tlsResumed?: boolean }>((resolve) => client.once("ready", resolve));
    // A ticket of TLS 1.3 comes behind the handshake: once a message has gone it has come.
    expect((await client.pipeline(MESSAGE)).ok).toBe(true);
    await client.quit();
    return (await ready).tlsResumed;
  }

  test.each(["TLSv1.2", "TLSv1.3"] as const)("are resumed (%s)", async (maxVersion) => {
    const server = await serve(["PLAIN"]);
    const options: Partial<SessionOptions> = {
      auth: { user: USER, pass: "pass wörd" },
      tlsOptions: { ...TRUSTED, maxVersion },
    };
    expect(await connected(server.port, options)).toBe(false);
    expect(await connected(server.port, options)).toBe(true);
    // Equal, if not the same.
    expect(await connected(server.port, { ...options, tlsOptions: { ...options.tlsOptions } })).toBe(true);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "do not make a certificate of another name pass when they are resumed (%s)",
    async (maxVersion) => {
      const server = await serve(["PLAIN", "LOGIN"]);
      const options: Partial<SessionOptions> = {
        auth: { user: USER, pass: "pass wörd" },
        tls: "opportunistic",
        tlsOptions: { ...TRUSTED, servername: "other.example", maxVersion },
      };
      // So often that there is a session to be resumed, and one made of that.
      for (const allowInsecureAuth of [true, false, true, false]) {
        const client = session(server.port, { ...options, allowInsecureAuth });
        const verified: boolean[] = [];
        client.on("ready", (event) => verified.push(event.verified));
        const { failed } = await client.pipeline(MESSAGE);
        await client.quit();
        expect(failed.map(({ error }) => error?.code)).toEqual(
          allowInsecureAuth ? [] : ["ESMTP_AUTH_INSECURE"],
        );
        expect(verified).toEqual(allowInsecureAuth ? [false] : []);
      }
      expect(server.authenticated).toEqual(["PLAIN", "PLAIN"]);
    },
  );

  test("are not resumed under other settings: what was not verified must not pass for what was", async () => {
    const server = await serve(["PLAIN"]);
    const auth = { user: USER, pass: "pass wörd" };
    const unverified: Partial<SessionOptions> = {
      auth,
      tls: "opportunistic",
      tlsOptions: {},
      allowInsecureAuth: true,
    };
    expect(await connected(server.port, unverified)).toBe(false);
    expect(await connected(server.port, unverified)).toBe(true);
    const strict = session(server.port, { auth, tlsOptions: {} });
    await expect(strict.connect()).rejects.toMatchObject({ code: "ESMTP_TLS_FAILED" });
    expect(await connected(server.port, { auth })).toBe(false);
  });
});
