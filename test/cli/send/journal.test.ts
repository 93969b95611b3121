import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTestServer, cut } from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import { type CliProcess, jsonOf, runProcess, startProcess, temporary } from "../../support/cli-process.ts";

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `user${i}@example.net`);
}

function envelopes(to: readonly string[]): string {
  return to
    .map((address) => ({ from: "me@example.org", to: address, data: `Subject: ${address}\r\n\r\nx\r\n` }))
    .map((envelope) => `${JSON.stringify(envelope)}\n`)
    .join("");
}

/** A folder with a file of envelopes. */
function folderWith(to: readonly string[]): string {
  const folder = temporary();
  writeFileSync(join(folder, "envelopes.jsonl"), envelopes(to));
  return folder;
}

/** A sink in a process of its own, whose log is in a file. */
async function startSink(folder: string): Promise<{ sink: CliProcess; url: string; taken: () => string[] }> {
  const log = join(folder, "taken.jsonl");
  const sink = startProcess(["sink", "--port", "0", "--log", log]);
  const [, url = ""] = await sink.said(/^Listening on (\S+)\. /m);
  const taken = (): string[] =>
    (jsonOf(readFileSync(log, "utf8")) as { to: string[] }[]).flatMap(({ to }) => to);
  return { sink, url, taken };
}

/** The addresses that a run said are unknown. */
function unknownOf(errors: string): string[] {
  return [...errors.matchAll(/^unknown: (\S+), message /gm)].map(([, address = ""]) => address);
}

test("killed again and again, the same command goes on: nobody twice, nobody forgotten", async () => {
  const to = addresses(900);
  const folder = folderWith(to);
  const { sink, url, taken } = await startSink(folder);
  // A narrow window: what a kill leaves unknown is listed whole.
  const command = ["send", "--server", url, "--connections", "1", "--window", "4", "--journal", "sent"];
  let results = "";
  for (let kill = 0; kill < 3; kill++) {
    const run = startProcess([...command, "envelopes.jsonl"], { cwd: folder });
    await run.printed(/(?:.*\n){150}/);
    run.child.kill("SIGKILL");
    const { status, out } = await run.ended;
    expect(status).toBeNull();
    results += out;
  }
  const last = await runProcess([...command, "envelopes.jsonl"], { cwd: folder });
  const unknown = unknownOf(last.errors);
  expect(last.errors).toMatch(/^[\d,]+ messages left out: the journal has them$/m);
  expect(last.status).toBe(unknown.length > 0 ? 74 : 0);
  const before = taken();
  expect(before.length).toBeLessThanOrEqual(to.length);
  expect(new Set(before).size).toBe(before.length);
  const missing = to.filter((address) => !before.includes(address));
  expect(missing.filter((address) => !unknown.includes(address))).toEqual([]);
  // What was printed as succeeded was taken.
  const succeeded = (jsonOf(results.replace(/[^\n]*$/, "")) as { to: string; status: string }[])
    .filter(({ status }) => status === "succeeded")
    .map((line) => line.to);
  expect(new Set(succeeded).size).toBe(succeeded.length);
  expect(succeeded.filter((address) => !before.includes(address))).toEqual([]);

  const again = await runProcess([...command, "--resend-unknown", "envelopes.jsonl"], { cwd: folder });
  expect(again.status).toBe(0);
  expect(unknownOf(again.errors)).toEqual([]);
  const after = taken();
  expect(to.filter((address) => !after.includes(address))).toEqual([]);
  const twice = after.filter((address, i) => after.indexOf(address) !== i);
  expect(twice.filter((address) => !unknown.includes(address))).toEqual([]);
  sink.child.kill("SIGINT");
  expect((await sink.ended).status).toBe(0);
}, 120_000);

test("what is unknown is held and listed with what to do, until --resend-unknown", async () => {
  const folder = folderWith(["a@example.net", "b@example.net"]);
  await using server = await createTestServer({ faults: [cut({ at: "text", how: "fin" })] });
  const command = ["send", "--server", server.url, "--connections", "1", "--journal", "sent"];
  const runs = [];
  for (const args of [[], [], ["--resend-unknown"], []]) {
    runs.push(await runProcess([...command, ...args, "envelopes.jsonl"], { cwd: folder }));
  }
  expect(runs.map(({ status }) => status)).toEqual([74, 74, 0, 0]);
  expect(runs.map(({ errors }) => unknownOf(errors))).toEqual([["a@example.net"], ["a@example.net"], [], []]);
  expect(runs[1]?.errors).toMatch(
    /^2 messages left out: the journal has them\nunknown: .*\nThey may have got it\. .*--resend-unknown it sends to them again\.\n$/m,
  );
  expect(runs.map(({ out }) => jsonOf(out).length)).toEqual([2, 0, 1, 0]);
  expect(server.messages.flatMap(({ to }) => to)).toEqual([
    "a@example.net",
    "b@example.net",
    "a@example.net",
  ]);
});

test("what failed for now is tried again by the same command, what was refused is not", async () => {
  let full = true;
  await using server = await createTestServer({
    replies: {
      "RCPT TO:<full@": () => (full ? "452 4.2.2 Mailbox full" : undefined),
      "RCPT TO:<nobody@": "550 5.1.1 No such user",
    },
  });
  const envelope = {
    id: "one",
    from: "me@example.org",
    to: ["a@example.net", "full@example.net", "nobody@example.net"],
    data: "Subject: x\r\n\r\n",
  };
  const folder = temporary();
  const run = (): ReturnType<typeof runProcess> =>
    runProcess(["send", "--server", server.url, "--journal", "sent"], {
      cwd: folder,
      stdin: `${JSON.stringify(envelope)}\n`,
    });
  expect((await run()).status).toBe(75);
  full = false;
  const second = await run();
  expect(second.status).toBe(0);
  expect(jsonOf(second.out)).toMatchObject([{ id: "one", to: "full@example.net", status: "succeeded" }]);
  expect(server.messages.map(({ to }) => to)).toEqual([["a@example.net"], ["full@example.net"]]);
});

test("a file that was changed is another message", async () => {
  const folder = temporary();
  await using server = await createTestServer();
  const run = async (text: string): Promise<number | null> => {
    writeFileSync(join(folder, "1.eml"), `From: me@example.org\r\nTo: a@example.net\r\n\r\n${text}\r\n`);
    return (await runProcess(["send", "--server", server.url, "--journal", "sent", "1.eml"], { cwd: folder }))
      .status;
  };
  expect([await run("one"), await run("one"), await run("two")]).toEqual([0, 0, 0]);
  expect(server.messages.map(({ text }) => text.split("\r\n").at(-2))).toEqual(["one", "two"]);
});

describe("a journal that can't be had: nothing is sent", () => {
  test("another process has it", async () => {
    const folder = folderWith(["a@example.net"]);
    await using server = await createTestServer();
    const command = ["send", "--server", server.url, "--journal", "sent"];
    const first = startProcess(command, { cwd: folder, stdin: "open" });
    first.child.stdin?.write(envelopes(["b@example.net"]));
    await first.printed(/succeeded/);
    const { status, out, errors } = await runProcess([...command, "envelopes.jsonl"], { cwd: folder });
    expect({ status, out }).toEqual({ status: 75, out: "" });
    expect(errors).toMatch(/^smtp-pipelining: --journal sent: .* \(ESMTP_JOURNAL_LOCKED\)\n$/);
    first.child.stdin?.end();
    expect((await first.ended).status).toBe(0);
    expect(server.messages).toHaveLength(1);
  });

  test("it is a file", async () => {
    const folder = folderWith(["a@example.net"]);
    await using server = await createTestServer();
    const { status, errors } = await runProcess(
      ["send", "--server", server.url, "--journal", "envelopes.jsonl", "envelopes.jsonl"],
      { cwd: folder },
    );
    expect(errors).toMatch(/^smtp-pipelining: --journal envelopes\.jsonl: .* \(ESMTP_JOURNAL\)\n$/);
    expect(status).toBe(74);
    expect(server.connections).toEqual([]);
  });

  test.each([
    [["--resend-unknown"], /--resend-unknown is for a journal: write --journal FOLDER, too/],
    [["--journal", "sent", "--dry-run"], /--journal has no use in a dry run/],
    [["--journal", "sent", "--require-all"], /--require-all does not go together with --journal/],
  ])("wrong usage: %j", async (args, complaint) => {
    const { status, errors } = await runProcess(["send", "--server", "smtp://127.0.0.1:1", ...args, "x"]);
    expect(errors).toMatch(complaint);
    expect(status).toBe(64);
  });
});
