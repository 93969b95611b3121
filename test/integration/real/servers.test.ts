import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { once } from "node:events";
import { connect, type NetConnectOpts } from "node:net";
import { createInterface } from "node:readline";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CERTIFICATE } from "../../support/certificate.ts";
import { accessToken } from "../../support/real-servers/access-token.ts";
import { dovecotSkipped, type RunningDovecot, startDovecot } from "../../support/real-servers/dovecot.ts";
import { postfixSkipped, type RunningPostfix, startPostfix } from "../../support/real-servers/postfix.ts";

/**
 * What the servers of the other tests do, shown by hand: lines on a socket, none of them the client's. So a test that
 * fails there is not the servers' fault.
 */
interface Talk {
  /** Sends lines, and returns the last line of each reply: as many as there are lines, or as told. */
  say(lines: string, replies?: number): Promise<string[]>;
}

async function talkTo(address: NetConnectOpts & { readonly tls?: boolean }): Promise<Talk> {
  const socket = address.tls ? connectTls({ ...address, ca: CERTIFICATE }) : connect(address);
  onTestFinished(() => void socket.destroy());
  const failure = once(socket, "error").then(([error]) => Promise.reject(error));
  failure.catch(() => undefined);
  const lines = createInterface(socket)[Symbol.asyncIterator]();
  const talk: Talk = {
    async say(text, replies = text.split("\r\n").length - 1) {
      socket.write(text);
      const last: string[] = [];
      while (last.length < replies) {
        const { value = "", done } = await Promise.race([lines.next(), failure]);
        if (done) throw new Error(`hung up after ${last.join()}`);
        if (/^\d{3} /.test(value)) last.push(value);
      }
      return last;
    },
  };
  expect(await talk.say("", 1)).toMatchObject([/^220 /]);
  return talk;
}

const base64 = (text: string | Buffer): string => Buffer.from(text).toString("base64");
const unbase64 = (reply: string | undefined): string =>
  Buffer.from(reply?.slice(4) ?? "", "base64").toString();

const PASSWORD = "pass, word=1";
const START = 60_000;

describe.skipIf(postfixSkipped || dovecotSkipped)("Postfix that asks Dovecot for passwords", () => {
  let dovecot: RunningDovecot;
  let postfix: RunningPostfix;
  beforeAll(async () => {
    dovecot = await startDovecot({ users: [{ name: "anna", password: PASSWORD }] });
    postfix = await startPostfix({ mailboxes: ["bert"], authSocket: dovecot.authSocket });
  }, START);
  afterAll(async () => {
    await postfix?.stop();
    await dovecot?.stop();
  });

  /** Under TLS, after EHLO. */
  async function secured(): Promise<Talk> {
    const talk = await talkTo({ host: "127.0.0.1", port: postfix.ports.tls, tls: true });
    expect(await talk.say("EHLO client.example\r\n")).toMatchObject([/^250 /]);
    return talk;
  }

  test("takes no mail before AUTH; offers none in plain text", async () => {
    const talk = await talkTo({ host: "127.0.0.1", port: postfix.ports.starttls });
    const mail = "MAIL FROM:<anna@example.net>\r\nRCPT TO:<bert@example.net>\r\n";
    expect(await talk.say("EHLO client.example\r\n")).toMatchObject([/^250 /]);
    expect(await talk.say(`AUTH PLAIN ${base64(`\0anna\0${PASSWORD}`)}\r\n`)).toMatchObject([/^5/]);
    expect(await talk.say(mail)).toMatchObject([/^250 /, /^554 5\.7\.1 /]);
    const other = await secured();
    expect(await other.say(mail)).toMatchObject([/^250 /, /^554 5\.7\.1 /]);
  });

  test.each<[string, (password: string, talk: Talk) => Promise<string[]>]>([
    ["PLAIN", (password, talk) => talk.say(`AUTH PLAIN ${base64(`\0anna\0${password}`)}\r\n`)],
    [
      "LOGIN",
      async (password, talk) => {
        await talk.say("AUTH LOGIN\r\n");
        await talk.say(`${base64("anna")}\r\n`);
        return talk.say(`${base64(password)}\r\n`);
      },
    ],
    [
      "CRAM-MD5",
      async (password, talk) => {
        const [challenge] = await talk.say("AUTH CRAM-MD5\r\n");
        const digest = createHmac("md5", password).update(unbase64(challenge)).digest("hex");
        return talk.say(`${base64(`anna ${digest}`)}\r\n`);
      },
    ],
    ["SCRAM-SHA-1", (password, talk) => scram("sha1", password, talk)],
    ["SCRAM-SHA-256", (password, talk) => scram("sha256", password, talk)],
  ])("%s: takes the right password, and no other", async (_, authenticate) => {
    expect(await authenticate(PASSWORD, await secured())).toMatchObject([/^235 2\.7\.0 /]);
    expect(await authenticate("wrong", await secured())).toMatchObject([/^535 5\.7\.8 /]);
  });

  test.each<[string, (token: string) => string]>([
    ["XOAUTH2", (token) => `user=anna\x01auth=Bearer ${token}\x01\x01`],
    ["OAUTHBEARER", (token) => `n,a=anna,\x01auth=Bearer ${token}\x01\x01`],
  ])("%s: takes a token of its user's, and no other", async (mechanism, response) => {
    const talk = await secured();
    const [good] = await talk.say(`AUTH ${mechanism} ${base64(response(accessToken("anna")))}\r\n`);
    expect(good).toMatch(/^235 2\.7\.0 /);
    const other = await secured();
    const [error] = await other.say(`AUTH ${mechanism} ${base64(response(`${accessToken("anna")}x`))}\r\n`);
    expect(error).toMatch(/^334 /);
    expect(JSON.parse(unbase64(error))).toMatchObject({ status: expect.anything() });
    expect(await other.say("AQ==\r\n")).toMatchObject([/^535 5\.7\.8 /]);
  });

  test("takes mail to anywhere after AUTH", async () => {
    const talk = await secured();
    await talk.say(`AUTH PLAIN ${base64(`\0anna\0${PASSWORD}`)}\r\n`);
    const envelope =
      "MAIL FROM:<anna@example.net>\r\nRCPT TO:<bert@example.net>\r\nRCPT TO:<x@y.example>\r\nDATA\r\n";
    expect(await talk.say(envelope)).toMatchObject([/^250 /, /^250 /, /^250 /, /^354 /]);
    expect(await talk.say("Subject: hand\r\n\r\n..\r\n.\r\n", 1)).toMatchObject([/^250 2\.0\.0 /]);
    expect(await postfix.delivered("bert@example.net")).toEqual(["Subject: hand\r\n\r\n.\r\n"]);
  });

  test("takes a client for another after XCLIENT, on the plain port", async () => {
    const talk = await talkTo({ host: "127.0.0.1", port: postfix.ports.plain });
    await talk.say("EHLO client.example\r\n");
    expect(await talk.say("XCLIENT ADDR=192.0.2.7 NAME=other.example\r\n")).toMatchObject([/^220 /]);
    await talk.say("EHLO client.example\r\n");
    const refused = await talk.say("MAIL FROM:<a@example.org>\r\nRCPT TO:<x@y.example>\r\n");
    expect(refused).toMatchObject([/^250 /, /^554 5\.7\.1 /]);
    await postfix.logs("from other.example[192.0.2.7]");
  });
});

/** RFC 5802, without channel binding. */
async function scram(hash: "sha1" | "sha256", password: string, talk: Talk): Promise<string[]> {
  const bare = "n=anna,r=fyko+d2lbbFgONRv9qkxdawL";
  const [first] = await talk.say(
    `AUTH SCRAM-${hash === "sha1" ? "SHA-1" : "SHA-256"} ${base64(`n,,${bare}`)}\r\n`,
  );
  const challenge = unbase64(first);
  const [, nonce = "", salt = "", rounds = ""] = /^r=(.*),s=(.*),i=(\d+)$/.exec(challenge) ?? [];
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const salted = pbkdf2Sync(
    password,
    Buffer.from(salt, "base64"),
    Number(rounds),
    hash === "sha1" ? 20 : 32,
    hash,
  );
  const clientKey = hmac(salted, "Client Key");
  const unproven = `c=biws,r=${nonce}`;
  const signature = hmac(createHash(hash).update(clientKey).digest(), `${bare},${challenge},${unproven}`);
  const proof = clientKey.map((octet, i) => octet ^ (signature[i] ?? 0));
  const [answer = ""] = await talk.say(`${base64(`${unproven},p=${base64(Buffer.from(proof))}`)}\r\n`);
  // The server's signature comes in a challenge of its own.
  return answer.startsWith("334") ? talk.say("\r\n") : [answer];
}

describe.skipIf(dovecotSkipped)("Dovecot's LMTP", () => {
  let dovecot: RunningDovecot;
  beforeAll(async () => {
    dovecot = await startDovecot({
      users: [
        { name: "anna" },
        { name: "full", quota: 10 },
        { name: "broken", broken: true },
        { name: "bert" },
      ],
    });
  }, START);
  afterAll(() => dovecot?.stop());

  test.each<[string, () => NetConnectOpts]>([
    ["TCP", () => ({ host: "127.0.0.1", port: dovecot.lmtpPort })],
    ["a Unix socket", () => ({ path: dovecot.lmtpSocket })],
  ])("over %s: a reply for each recipient that RCPT accepted", async (name, address) => {
    const talk = await talkTo(address());
    const to = ["anna", "full", "none", "broken", "bert"]
      .map((user) => `RCPT TO:<${user}@example.net>\r\n`)
      .join("");
    expect(await talk.say(`LHLO client.example\r\nMAIL FROM:<a@example.org>\r\n${to}DATA\r\n`)).toMatchObject(
      [/^250 /, /^250 /, /^250 /, /^250 /, /^550 5\.1\.1 /, /^250 /, /^250 /, /^354 /],
    );
    expect(await talk.say(`Subject: ${name}\r\n\r\n..\r\n.\r\n`, 4)).toMatchObject([
      /^250 2\.0\.0 <anna@/,
      /^552 5\.2\.2 <full@/,
      /^451 4\.3\.0 <broken@/,
      /^250 2\.0\.0 <bert@/,
    ]);
    for (const user of ["anna", "bert"]) {
      expect(await dovecot.delivered(`${user}@example.net`)).toContain(`Subject: ${name}\r\n\r\n.\r\n`);
    }
    expect(await dovecot.delivered("full@example.net")).toEqual([]);
  });
});
