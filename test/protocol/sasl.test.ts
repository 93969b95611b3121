import { pbkdf2Sync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Credentials, MechanismName } from "../../src/index.ts";
import { type ChannelBinding, type SaslContext, SaslError } from "../../src/protocol/sasl/exchange.ts";
import { fittingMechanisms } from "../../src/protocol/sasl/mechanisms.ts";
import { saslPrep } from "../../src/protocol/sasl/saslprep.ts";

interface Said {
  readonly text: string | undefined;
  readonly final: boolean;
}

/** What a client says to a server that says these. The texts are what the base64 on the wire stands for. */
function exchange(
  name: MechanismName,
  credentials: Credentials,
  challenges: readonly string[],
  { nonce = "nonce", channelBinding }: { nonce?: string; channelBinding?: ChannelBinding } = {},
): (Said | "over")[] {
  const context: SaslContext = { host: "server.example.com", port: 587, nonce, channelBinding };
  const [mechanism] = fittingMechanisms(credentials, name, channelBinding !== undefined);
  if (mechanism?.name !== name) throw new Error(`${name} does not fit`);
  const running = mechanism.begin(context);
  const said: (Said | "over")[] = [];
  for (const challenge of ["", ...challenges.map((text) => Buffer.from(text).toString("base64"))]) {
    let step = running.next(challenge);
    while (!step.done && step.value.kind === "derive") {
      const { password, salt, iterations, digest } = step.value;
      const octets = { sha1: 20, sha256: 32 }[digest];
      step = running.next(pbkdf2Sync(password, salt, iterations, octets, digest));
    }
    if (step.done || step.value.kind === "derive") {
      said.push("over");
    } else {
      const { octets, final } = step.value;
      said.push({ text: octets === undefined ? undefined : Buffer.from(octets).toString(), final });
    }
  }
  return said;
}

const PENCIL = { user: "user", pass: "pencil" };
const SHA1_NONCE = "fyko+d2lbbFgONRv9qkxdawL";
const SHA1_FIRST = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";

describe("SCRAM", () => {
  test("as RFC 5802 §5 shows it", () => {
    const challenges = [SHA1_FIRST, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="];
    expect(exchange("SCRAM-SHA-1", PENCIL, challenges, { nonce: SHA1_NONCE })).toEqual([
      { text: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", final: false },
      {
        text: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        final: false,
      },
      { text: "", final: true },
    ]);
  });

  test("as RFC 7677 §3 shows it", () => {
    const nonce = "rOprNGfwEbeRWgbNEkqO";
    const both = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const challenges = [
      `r=${both},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ];
    expect(exchange("SCRAM-SHA-256", PENCIL, challenges, { nonce })).toEqual([
      { text: `n,,n=user,r=${nonce}`, final: false },
      { text: `c=biws,r=${both},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`, final: false },
      { text: "", final: true },
    ]);
  });

  const channelBinding: ChannelBinding = { type: "tls-exporter", data: Uint8Array.of(1, 2, 3, 255) };

  test("says that it could have bound itself, where the server did not offer that", () => {
    const [first, second] = exchange("SCRAM-SHA-1", PENCIL, [SHA1_FIRST], {
      nonce: SHA1_NONCE,
      channelBinding,
    });
    expect(first).toMatchObject({ text: `y,,n=user,r=${SHA1_NONCE}` });
    // "eSws" is base64 of "y,,".
    expect(second).toMatchObject({ text: expect.stringMatching(/^c=eSws,r=/) });
  });

  test("binds itself to the connection", () => {
    const nonce = SHA1_NONCE;
    const [first, second] = exchange("SCRAM-SHA-1-PLUS", PENCIL, [SHA1_FIRST], { nonce, channelBinding });
    expect(first).toMatchObject({ text: `p=tls-exporter,,n=user,r=${nonce}` });
    const bound = Buffer.from("p=tls-exporter,,\u0001\u0002\u0003").toString("latin1");
    const expected = Buffer.concat([Buffer.from(bound, "latin1"), Buffer.of(255)]).toString("base64");
    expect(second).toMatchObject({ text: expect.stringContaining(`c=${expected},r=`) });
  });

  test("escapes what separates, and prepares what can be written in several ways", () => {
    const [first] = exchange("SCRAM-SHA-256", { user: "a=b,c\u00a0\u2168", pass: "p" }, []);
    expect(first).toMatchObject({ text: "n,,n=a=3Db=2Cc IX,r=nonce" });
  });

  const refused: [what: string, challenges: string[], why: RegExp][] = [
    ["a nonce that is another's", [SHA1_FIRST.replace("r=f", "r=g")], /nonce/],
    ["our nonce and nothing more", [`r=${SHA1_NONCE},s=QSXCR+Q6sek8bf92,i=4096`], /nonce/],
    ["too few iterations", [SHA1_FIRST.replace("4096", "4095")], /4095 iterations/],
    ["too many iterations", [SHA1_FIRST.replace("4096", "10000001")], /10000001 iterations/],
    ["no salt", [SHA1_FIRST.replace("s=QSXCR+Q6sek8bf92,", "")], /first message/],
    ["an extension that has to be known", [`m=x,${SHA1_FIRST}`], /first message/],
    ["a salt that is no base64", [SHA1_FIRST.replace("QSXC", "Q*XC")], /base64/],
    ["no proof", [SHA1_FIRST, "x=y"], /does not prove/],
    ["a wrong proof", [SHA1_FIRST, "v=sMF9pqV8S7suAoZWja4dJRkFsKQ="], /does not prove/],
    ["a proof cut short", [SHA1_FIRST, "v=rmF9pqV8S7suAoZWja4dJRkFsA=="], /does not prove/],
    ["a refusal", [SHA1_FIRST, "e=invalid-proof"], /^invalid-proof$/],
  ];
  test.each(refused)("takes no server that sends %s", (_, challenges, why) => {
    const run = (): unknown => exchange("SCRAM-SHA-1", PENCIL, challenges, { nonce: SHA1_NONCE });
    expect(run).toThrow(SaslError);
    expect(run).toThrow(why);
  });

  test("has nothing to say behind its end", () => {
    const challenges = [SHA1_FIRST, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "more"];
    expect(exchange("SCRAM-SHA-1", PENCIL, challenges, { nonce: SHA1_NONCE }).at(-1)).toBe("over");
  });
});

test("CRAM-MD5 as RFC 2195 §2 shows it", () => {
  const credentials = { user: "tim", pass: "tanstaaftanstaaf" };
  expect(exchange("CRAM-MD5", credentials, ["<1896.697170952@postoffice.reston.mci.net>"])).toEqual([
    { text: undefined, final: false },
    { text: "tim b913a602c7eda7a495b4e6e7334d3890", final: true },
  ]);
});

test("PLAIN as RFC 4616 §4 shows it", () => {
  expect(exchange("PLAIN", { user: "tim", pass: "tanstaaftanstaaf" }, [])).toEqual([
    { text: "\0tim\0tanstaaftanstaaf", final: true },
  ]);
});

test("LOGIN answers two prompts, whatever they say", () => {
  expect(exchange("LOGIN", { user: "tim", pass: "pass wörd" }, ["User Name\0", "whatever"])).toEqual([
    { text: undefined, final: false },
    { text: "tim", final: false },
    { text: "pass wörd", final: true },
  ]);
});

test("OAUTHBEARER as RFC 7628 §4.3 shows it, and its answer to a refusal", () => {
  const accessToken = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
  expect(
    exchange("OAUTHBEARER", { user: "user@example.com", accessToken }, ['{"status":"invalid_token"}']),
  ).toEqual([
    {
      text: `n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer ${accessToken}\x01\x01`,
      final: true,
    },
    { text: "\x01", final: false },
  ]);
});

test("XOAUTH2 as Google documents it, and its answer to a refusal", () => {
  const accessToken = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
  const said = exchange("XOAUTH2", { user: "someuser@example.com", accessToken }, ['{"status":"401"}']);
  expect(said).toEqual([
    { text: `user=someuser@example.com\x01auth=Bearer ${accessToken}\x01\x01`, final: true },
    { text: "", final: false },
  ]);
});

test("of the mechanisms offered the strongest stand first", () => {
  const offered =
    "PLAIN LOGIN cram-md5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS XOAUTH2 OAUTHBEARER GSSAPI";
  const names = (credentials: Credentials, bindable: boolean): string[] =>
    fittingMechanisms(credentials, offered, bindable).map(({ name }) => name);
  const unbound = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"];
  expect(names(PENCIL, true)).toEqual(["SCRAM-SHA-256-PLUS", ...unbound]);
  expect(names(PENCIL, false)).toEqual(unbound);
  expect(names({ user: "u", accessToken: "t" }, true)).toEqual(["OAUTHBEARER", "XOAUTH2"]);
  expect(names({ ...PENCIL, mechanisms: ["LOGIN", "SCRAM-SHA-1"] }, true)).toEqual(["SCRAM-SHA-1", "LOGIN"]);
});

test("SASLprep as RFC 4013 §3 shows it", () => {
  expect(saslPrep("I\u00adX")).toBe("IX");
  expect(saslPrep("user")).toBe("user");
  expect(saslPrep("USER")).toBe("USER");
  expect(saslPrep("\u00aa")).toBe("a");
  expect(saslPrep("\u2168")).toBe("IX");
});
