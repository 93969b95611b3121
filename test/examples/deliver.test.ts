import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { canonical, checkArrival } from "../../examples/deliver/arrival.ts";
import { main } from "../../examples/deliver/deliver.ts";
import { elide } from "../../examples/deliver/elide.ts";
import { CERTIFICATE, CERTIFICATE_FILE, KEY } from "../support/certificate.ts";
import { startTestServer } from "../support/embedded-server.ts";
import { hasTerminal, runExample, runInTerminal } from "./run.ts";

const CLEAR_LINE = "\r\x1b[2K";

/** A directory with files, for one test. */
function directory(files: Record<string, string | Buffer>): string {
  const path = mkdtempSync(join(tmpdir(), "smtp-pipelining-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

/** Runs the program in this process. */
async function runHere(args: string[], env: Record<string, string> = {}) {
  let out = "";
  let errors = "";
  const status = await main({
    args,
    env,
    out: { write: (text) => (out += text) },
    errors: { write: (text) => (errors += text) },
  });
  return { status, out, errors };
}

describe("npm start", () => {
  test("delivers the examples, tells all, and says why the exit status is 1", async () => {
    const { status, out, errors } = await runExample("deliver/main.ts");

    expect(errors).toBe("");
    expect(status).toBe(1);
    // The groups: what went out together, and what came back.
    expect(out).toMatch(/^Group 3 +5 commands out, 5 answered +\d+ octets +\d+ ms$/m);
    expect(out).toMatch(
      /^ {2}text of 01-plain\.eml, \d+ octets, "\." +250 .*\n {2}RSET +250 .*\n {2}MAIL FROM:<newsletter@example\.org> .*\n {2}RCPT TO:<reader-1@example\.net> +250 /m,
    );
    expect(out).toMatch(/^ {2}… \d+ more RCPT +\d+ × 250$/m);
    // The fates.
    expect(out).toMatch(
      /^ {2}03-attachment\.eml\n {4}succeeded {2}alice@example\.net +250 .*\n {4}failed +nobody-1@example\.net +550 5\.1\.1 No such user here$/m,
    );
    expect(out).toMatch(/^ {4}failed +busy@example\.net +450 .*\(worth another try\)$/m);
    // The summary.
    expect(out).toMatch(/^ {2}Messages +13: 9 to all of their recipients, 3 to some, 1 to none$/m);
    expect(out).toMatch(/^ {2}Recipients +78: 72 succeeded, 6 failed \(1 for now, 5 for good\), 0 unknown$/m);
    expect(out).toMatch(/^ {2}Texts +12 of 12 texts arrived as sent$/m);
    expect(out).toMatch(/^ {2}Wall time +\d+\.\d\d s$/m);
    const groups = out.match(/^Group \d+/gm)?.length;
    const exchanges = [...out.matchAll(/^Group \d+ +(\d+) commands? out/gm)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
    // Greeting, EHLO, QUIT, and one round trip per message, not many more.
    expect(groups).toBeGreaterThanOrEqual(16);
    expect(groups).toBeLessThan(20);
    expect(exchanges).toBeGreaterThan(100);
    // The server is 50 ms away: no reply came sooner.
    const durations = [...out.matchAll(/^Group \d+ .* (\d+) ms$/gm)].slice(1).map(([, ms]) => Number(ms));
    expect(Math.min(...durations)).toBeGreaterThanOrEqual(49);
    expect(out).toContain(
      `  Round trips   ${groups} (groups waited for); one command at a time: ${exchanges} (`,
    );
    expect(out.trimEnd().split("\n").at(-1)).toBe(
      "Exit status 1, because 6 recipients were refused, as meant: " +
        "the embedded server knows no nobody-…@ and defers busy@. All is well.",
    );
    // Piped: no progress line, no colours.
    expect(out.replaceAll("\n", "")).not.toMatch(/\p{Cc}|in flight/u);
  });

  test.runIf(hasTerminal)(
    "shows a progress line on a terminal, updated in place, and leaves none behind",
    async () => {
      const { status, out } = await runInTerminal("deliver/main.ts");

      expect(status).toBe(1);
      const frames = out.split(CLEAR_LINE).map((frame) => frame.split("\r\n").at(-1) ?? "");
      expect(frames).toContain("0/13 messages | 0 succeeded, 0 failed, 0 unknown | 0 commands in flight");
      expect(frames).toContain("13/13 messages | 72 succeeded, 6 failed, 0 unknown | 0 commands in flight");
      // In the middle of things it moves, and is where it was.
      const moving = frames.filter((frame) =>
        /^\d+\/13 messages \| \d+ succeeded, \d+ failed, 0 unknown \| [1-9]\d* commands? in flight$/.test(
          frame,
        ),
      );
      expect(moving.length).toBeGreaterThan(5);
      expect(out).toContain("\x1b[32msucceeded\x1b[0m");
      expect(out).toContain("\x1b[31mfailed   \x1b[0m");
      // What a reader sees in the end.
      const seen = out.split("\r\n").map((line) => line.split(CLEAR_LINE).at(-1) ?? "");
      expect(seen.filter((line) => line.includes("in flight"))).toEqual([]);
      expect(seen.filter((line) => line.startsWith("  Texts"))).toEqual([
        "  Texts         12 of 12 texts arrived as sent",
      ]);
    },
  );

  test("says how it is used", async () => {
    const { status, out } = await runHere(["--help"]);
    expect(status).toBe(0);
    expect(out).toContain("SMTP_URL=smtp://host:port FROM=");
  });

  test("takes files and directories, which it searches", async () => {
    const path = directory({
      "b.eml": "Subject: b\n\nbare LFs",
      "deep/er/a.EML": ".\r\n",
      "deep/no-mail.txt": "x",
      "alone.txt": "Subject: given by name\r\n\r\n",
    });
    const { status, out } = await runHere([path, join(path, "alone.txt")], {
      TO: "a@example.net",
      FROM: "<>",
    });

    expect(status).toBe(0);
    expect(out).toMatch(/^ {2}b\.eml\n {4}succeeded {2}a@example\.net/m);
    expect(out).toMatch(/^ {2}deep\/er\/a\.EML\n/m);
    expect(out).toMatch(/^ {2}alone\.txt\n/m);
    expect(out).toContain("MAIL FROM:<>");
    expect(out).toContain("3 of 3 texts arrived as sent");
    expect(out).toMatch(/^Exit status 0: every recipient succeeded\.\n$/m);
  });

  test("sends to a real server", async () => {
    const server = await startTestServer({
      refusal: (address) => (address.startsWith("c@") ? { code: 550, text: "no" } : undefined),
    });
    const path = directory({ "1.eml": "N: 1\r\n", "2.eml": "N: 2\r\n" });
    const env = { SMTP_URL: `smtp://${server.host}:${server.port}`, FROM: "from@example.org" };

    const all = await runHere([path], { ...env, TO: "a@example.net, b@example.net" });
    expect(all.status).toBe(0);
    expect(all.out).toMatch(/^Exit status 0/m);
    expect(all.out).not.toContain("arrived as sent");
    const some = await runHere([path], { ...env, TO: "a@example.net,c@example.net" });
    expect(some.status).toBe(1);
    expect(some.out).toMatch(/^Exit status 1: 2 recipients failed, 0 unknown\.\n$/m);
    expect(
      server.arrivals.map(({ from, recipients, text }) => [from, recipients.length, text.toString()]),
    ).toEqual([
      ["from@example.org", 2, "N: 1\r\n"],
      ["from@example.org", 2, "N: 2\r\n"],
      ["from@example.org", 1, "N: 1\r\n"],
      ["from@example.org", 1, "N: 2\r\n"],
    ]);
  });

  test("submits with a password from the URL, under TLS, and never shows it", async () => {
    const authenticated: (string | undefined)[] = [];
    const server = await startTestServer({
      smtp: {
        secure: true,
        key: KEY,
        cert: CERTIFICATE,
        disabledCommands: [],
        authOptional: false,
        onAuth: ({ username, password }, _, done) => {
          const known = username === "me@example.org" && password === "s3cret/word";
          if (known) authenticated.push(username);
          done(
            known ? null : new Error("Invalid username or password"),
            known ? { user: username } : undefined,
          );
        },
      },
    });
    const path = directory({ "1.eml": "N: 1\r\n" });
    const env = {
      NODE_EXTRA_CA_CERTS: CERTIFICATE_FILE,
      FROM: "me@example.org",
      TO: "to@example.net",
    };
    const url = (password: string): string => `smtps://me%40example.org:${password}@localhost:${server.port}`;

    const right = await runExample("deliver/main.ts", [path], { ...env, SMTP_URL: url("s3cret%2Fword") });
    expect(right.status).toBe(0);
    expect(right.out).toMatch(/^ {2}AUTH PLAIN \*\*\* +235 /m);
    expect(right.out).toContain(`1 message to smtps://***@localhost:${server.port}`);
    expect(right.out).toMatch(/^Exit status 0: every recipient succeeded\.\n$/m);
    expect(authenticated).toEqual(["me@example.org"]);
    expect(server.arrivals.map(({ text }) => text.toString())).toEqual(["N: 1\r\n"]);

    const wrong = await runExample("deliver/main.ts", [path], { ...env, SMTP_URL: url("wr0ng") });
    expect(wrong.status).toBe(1);
    expect(wrong.out).toContain("The session failed: The server refuses the credentials: 535");
    for (const { out, errors } of [right, wrong]) {
      expect(out + errors).not.toMatch(/s3cret|wr0ng/);
    }
  });

  test("tells of a server that is not there", async () => {
    const path = directory({ "1.eml": "N: 1\r\n" });
    const { status, out } = await runHere([path], {
      SMTP_URL: "smtp://127.0.0.1:1",
      FROM: "from@example.org",
      TO: "to@example.net",
    });
    expect(status).toBe(1);
    expect(out).toContain("The session failed: No connection to 127.0.0.1:1");
    expect(out).toMatch(/^ {4}failed +to@example\.net {2}ESMTP_CONNECT /m);
    expect(out).toMatch(/^Exit status 1: 1 recipient failed, 0 unknown\.\n$/m);
  });

  test("gives a bad address its fate, and does not call it meant", async () => {
    const path = directory({ "1.eml": "N: 1\r\n" });
    const { status, out } = await runHere([path], {
      FROM: "from@example.org",
      TO: "no address,to@example.net",
    });
    expect(status).toBe(1);
    expect(out).toMatch(/^ {4}failed +no address +ESMTP_INVALID_ADDRESS /m);
    expect(out).toMatch(/^Exit status 1: 1 recipient failed, 0 unknown\.\n$/m);
  });

  test("shows no control character that a server sends", async () => {
    const server = await startTestServer({ refusal: () => ({ code: 550, text: "\x1b[2J\x07no" }) });
    const path = directory({ "1.eml": "N: 1\r\n" });
    const { out } = await runHere([path], {
      SMTP_URL: `smtp://${server.host}:${server.port}`,
      FROM: "from@example.org",
      TO: "to@example.net",
    });
    expect(out).toContain("[2J");
    expect(out.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });
});

describe("wrong arguments are told before anything is sent, with exit status 2", () => {
  const url = { SMTP_URL: "smtp://127.0.0.1:1" };
  const envelope = { FROM: "from@example.org", TO: "to@example.net" };

  test.each<[string, string[], Record<string, string>, RegExp]>([
    ["a file that is not there", ["no-such.eml"], {}, /^no-such\.eml does not exist\. Give \.eml files/],
    [
      "one of several files that is not there",
      ["examples/mail", "no-such.eml"],
      {},
      /^no-such\.eml does not exist/,
    ],
    [
      "a directory without mail",
      ["examples/deliver"],
      {},
      /^examples\/deliver has no \.eml file in it\. Give a directory/,
    ],
    ["an option", ["--verbose"], {}, /^--verbose is no option\. Give \.eml files/],
    [
      "an SMTP_URL that is none",
      [],
      { ...envelope, SMTP_URL: "localhost:25" },
      /^SMTP_URL=localhost:25 can't be used: .*\nGive it like smtp:\/\//,
    ],
    [
      "an SMTP_URL of another scheme",
      [],
      { ...envelope, SMTP_URL: "http://localhost" },
      /^SMTP_URL=http:\/\/localhost can't be used/,
    ],
    [
      "no FROM",
      ["examples/mail"],
      { ...url, TO: "a@example.net" },
      /^FROM missing: .* SMTP_URL=smtp:\/\/127\.0\.0\.1:1 FROM=/s,
    ],
    ["no TO", ["examples/mail"], { ...url, FROM: "a@example.net" }, /^TO missing: /],
    ["neither FROM nor TO", ["examples/mail"], url, /^FROM and TO missing: /],
    [
      "a TO without addresses",
      ["examples/mail"],
      { ...url, FROM: "a@example.net", TO: " , " },
      /^TO missing: /,
    ],
  ])("%s", async (_, args, env, message) => {
    const { status, out, errors } = await runHere(args, env);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(errors).toMatch(message);
    expect(errors).toMatch(/\n\nNothing was sent\. npm start -- --help says more\.\n$/);
  });

  test("as a process too", async () => {
    const { status, out, errors } = await runExample("deliver/main.ts", ["no-such.eml"]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(errors).toContain("no-such.eml does not exist");
  });
});

test.each([
  ["", ""],
  ["a", "a\r\n"],
  ["a\r\n", "a\r\n"],
  ["a\nb\n", "a\r\nb\r\n"],
  ["a\rb\r", "a\r\nb\r\n"],
  ["\n\r\r\n", "\r\n\r\n\r\n"],
  [".\n..\n", ".\r\n..\r\n"],
])("canonical(%j) is %j", (text, expected) => {
  expect(canonical(Buffer.from(text)).toString()).toBe(expected);
});

test("a text that did not arrive as sent is told, with where it differs", async () => {
  const file = join(directory({ "1.eml": "N: 1\n" }), "1.eml");
  const mail = { file, name: "1.eml", from: "from@example.org", to: ["to@example.net"] };
  const reply = { code: 250, lines: ["ok"], text: "ok" };
  const succeeded = [{ address: "to@example.net", status: "succeeded", stage: "message", reply }] as const;
  const delivery = {
    id: "1",
    ok: true,
    from: mail.from,
    recipients: succeeded,
    succeeded,
    failed: [],
    unknown: [],
  };
  const arrival = { from: mail.from, recipients: mail.to, text: Buffer.from("N: 1\r\n") };
  const check = (change: Partial<typeof arrival>) => checkArrival(mail, delivery, { ...arrival, ...change });

  expect(await check({})).toBeUndefined();
  expect(await check({ text: Buffer.from("N: 2\r\n") })).toBe(
    "6 octets arrived, 6 were sent; the first difference is at octet 3",
  );
  expect(await check({ text: Buffer.from("N: 1\r\n\r\n") })).toMatch(/^8 octets arrived.* at octet 6$/);
  expect(await check({ from: "x@example.org" })).toMatch(/^it arrived from <x@example\.org>, not from /);
  expect(await check({ recipients: ["a@example.net"] })).toMatch(
    /^it arrived for a@example\.net, not for to@/,
  );
  expect(await checkArrival(mail, delivery, undefined)).toBe("nothing arrived");
});

test("long runs are elided, short ones and what is no run are not", () => {
  const shown = elide("aaaaabccccddddddddX".split(""), (letter) => (letter === "X" ? undefined : letter));
  expect(shown.map((one) => ("item" in one ? one.item : one.leftOut.length))).toEqual([
    "a",
    "a",
    3,
    "b",
    "c",
    "c",
    "c",
    "c",
    "d",
    "d",
    6,
    "X",
  ]);
});
