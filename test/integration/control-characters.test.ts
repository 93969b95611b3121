import { Duplex } from "node:stream";
import { type Message, type SessionOptions, SmtpSession } from "smtp-pipelining";
import { describe, expect, test } from "vitest";

// Nothing that a caller gives may bring a line end, or any other control character, into the conversation: it is refused
// before anything of it is sent.

const CONTROLS = ["\r\n", "\r", "\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\x9f"];

/** A session with a peer that records what it is sent, and never says anything. */
function silent(options: Partial<SessionOptions> = {}): { session: SmtpSession; written: string[] } {
  const written: string[] = [];
  const peer = new Duplex({
    read: () => undefined,
    write: (chunk, _, done) => {
      written.push(String(chunk));
      done();
    },
  });
  const session = new SmtpSession({ host: "mx.example", tls: "off", connectSocket: () => peer, ...options });
  return { session, written };
}

const message: Message = { from: "a@example.org", to: "b@example.net", data: "Text\r\n" };

describe.each(CONTROLS.map((control) => [JSON.stringify(control), control]))(
  "the control character %s",
  (_, c) => {
    const messages: [where: string, message: Message][] = [
      ["the sender", { ...message, from: `a${c}@example.org` }],
      ["the sender's domain", { ...message, from: `a@exa${c}mple.org` }],
      ["the sender, behind its path", { ...message, from: `a@example.org> BODY=8BITMIME${c}RSET` }],
      ["a quoted sender", { ...message, from: `"a${c}"@example.org` }],
      ["a recipient", { ...message, to: `b${c}@example.net` }],
      ["a recipient's domain", { ...message, to: `b@exa${c}mple.net` }],
      ["a recipient with a name beyond ASCII", { ...message, to: `b@ex\u00e4${c}mple.net` }],
      ["a quoted recipient", { ...message, to: `"b${c}"@example.net` }],
      ["an address literal", { ...message, to: `b@[192.0.2.1${c}]` }],
      ["ORCPT", { ...message, to: { address: "b@example.net", orcpt: `b${c}@example.net` } }],
      ["ORCPT's type", { ...message, to: { address: "b@example.net", orcpt: `x${c};b@example.net` } }],
      ["ENVID", { ...message, dsn: { envid: `a${c}b` } }],
      ["holdUntil", { ...message, holdUntil: `2030-01-31T12:00:00Z${c}` }],
    ];
    test.each(messages)("in %s: invalid, and nothing is sent", async (_, unfit) => {
      const { session, written } = silent();
      const { failed, recipients } = await session.pipeline(unfit);
      expect(failed).toHaveLength(recipients.length);
      expect(failed.map(({ stage, retryable }) => [stage, retryable])).toEqual([["invalid", false]]);
      expect(written).toEqual([]);
      expect(session.state).toBe("idle");
    });

    test("in an id of a message: a TypeError", async () => {
      const { session } = silent();
      await expect(session.pipeline({ ...message, id: `a${c}b` })).rejects.toThrow(/^message\.id /);
    });

    const commands: [where: string, call: (session: SmtpSession) => Promise<unknown>][] = [
      ["VRFY", (session) => session.verify(`a${c}b`)],
      ["EXPN", (session) => session.expand(`a${c}b`)],
      ["HELP", (session) => session.help(`a${c}b`)],
      ["ETRN", (session) => session.etrn(`a${c}b`)],
      ["a command of the caller's", (session) => session.command(`XTRA a${c}b`)],
      ["its verb", (session) => session.command(`XT${c}RA`)],
    ];
    test.each(commands)("in the argument of %s: a TypeError, and nothing is sent", async (_, call) => {
      const { session, written } = silent();
      await expect(call(session)).rejects.toBeInstanceOf(TypeError);
      expect(written).toEqual([]);
      expect(session.state).toBe("idle");
    });

    const options: [where: string, options: Partial<SessionOptions>][] = [
      ["host", { host: `mx${c}.example` }],
      ["name", { name: `client${c}.example` }],
      ["localAddress", { localAddress: `127.0.0.1${c}` }],
      ["auth.user", { auth: { user: `u${c}`, pass: "p" } }],
      ["auth.pass", { auth: { user: "u", pass: `p${c}` } }],
      ["auth.accessToken", { auth: { user: "u", accessToken: `t${c}` } }],
      ["xclient.name", { xclient: { name: `n${c}` } }],
      ["xclient.login", { xclient: { login: `n${c}` } }],
    ];
    test.each(options)("in the option %s: a TypeError", (_, given) => {
      expect(() => new SmtpSession({ host: "mx.example", ...given })).toThrow(TypeError);
    });
  },
);
