import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";
import { CERTIFICATE, KEY } from "./certificate.ts";

export interface ScramServerOptions {
  readonly password: string;
  /** The parameters of AUTH. */
  readonly offered: string;
  /** Whether it binds an authentication to the connection, and so knows when its own offer was altered. */
  readonly binds?: boolean;
  readonly maxVersion?: "TLSv1.2";
}

/** What a client did: its GS2 header, and whether the server believed it. */
export interface ScramOutcome {
  readonly mechanism: string;
  readonly header: string;
  readonly accepted: boolean;
}

/**
 * The server's side of SCRAM, RFC 5802, under TLS from the first octet: written from the RFC and not from the client, and
 * a few commands of SMTP around it.
 */
export async function startScramServer(
  options: ScramServerOptions,
): Promise<{ readonly port: number; readonly outcomes: ScramOutcome[] }> {
  const outcomes: ScramOutcome[] = [];
  const { maxVersion } = options;
  const server: Server = createServer(
    { key: KEY, cert: CERTIFICATE, ...(maxVersion !== undefined && { maxVersion }) },
    (socket) => {
      serve(socket, options, outcomes).catch(() => socket.destroy());
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, outcomes };
}

async function serve(
  socket: TLSSocket,
  options: ScramServerOptions,
  outcomes: ScramOutcome[],
): Promise<void> {
  const lines = readLines(socket);
  const next = async (): Promise<string> => String((await lines.next()).value ?? "");
  const say = (line: string): boolean => socket.write(`${line}\r\n`);
  socket.on("error", () => undefined);

  say("220 scram.example ESMTP");
  for (;;) {
    const line = await next();
    const [verb = "", mechanism = "", initial = ""] = line.split(" ");
    if (verb === "EHLO") say(`250-scram.example\r\n250 AUTH ${options.offered}`);
    else if (verb === "AUTH") await authenticate(mechanism, initial);
    else if (verb === "QUIT" || verb === "") break;
    else say("502 what");
  }
  say("221 bye");
  socket.end();

  async function authenticate(mechanism: string, initial: string): Promise<void> {
    const digest = mechanism.includes("256") ? "sha256" : "sha1";
    const hmac = (key: Buffer, text: string): Buffer => createHmac(digest, key).update(text).digest();
    const first = decode(initial);
    const [, header = "", bare = "", clientNonce = ""] =
      /^([^,]*,[^,]*,)(n=[^,]*,r=([^,]*))$/.exec(first) ?? [];
    const salt = randomBytes(12);
    const nonce = `${clientNonce}${randomBytes(9).toString("base64")}`;
    const serverFirst = `r=${nonce},s=${salt.toString("base64")},i=4096`;
    say(`334 ${encode(serverFirst)}`);

    const final = decode(await next());
    const [, withoutProof = "", channel = "", proof = ""] = /^(c=([^,]*),r=[^,]*),p=(.*)$/.exec(final) ?? [];
    const salted = pbkdf2Sync(options.password, salt, 4096, digest === "sha1" ? 20 : 32, digest);
    const authMessage = `${bare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash(digest).update(clientKey).digest();
    const signature = hmac(storedKey, authMessage);
    const shown = Buffer.from(proof, "base64").map((octet, i) => octet ^ (signature[i] ?? 0));
    const knows = createHash(digest).update(shown).digest().equals(storedKey);

    const bound = header.startsWith("p=")
      ? Buffer.concat([
          Buffer.from(header),
          socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.of()),
        ])
      : Buffer.from(header);
    const sameChannel = Buffer.from(channel, "base64").equals(bound);
    // RFC 5802 §6: a client that could bind, and thinks that we can't, was told so by somebody else.
    const altered = header.startsWith("y") && options.binds === true;
    const accepted = knows && sameChannel && !altered && withoutProof.endsWith(nonce);
    outcomes.push({ mechanism, header, accepted });
    if (!accepted) {
      say("535 5.7.8 no");
      return;
    }
    say(`334 ${encode(`v=${hmac(hmac(salted, "Server Key"), authMessage).toString("base64")}`)}`);
    say((await next()) === "" ? "235 2.7.0 welcome" : "501 what");
  }
}

async function* readLines(socket: TLSSocket): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of socket) {
    rest += String(chunk);
    const lines = rest.split("\r\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString();
}
