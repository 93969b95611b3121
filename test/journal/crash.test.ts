import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Journal } from "smtp-pipelining/journal";
import { expect, onTestFinished, test } from "vitest";
import { startMortalRelay } from "../support/relay/relay.ts";
import { recipientsOf } from "./processes/recipients.ts";

const SENDER = fileURLToPath(new URL("processes/sender.ts", import.meta.url));

/** Runs the sender until it has said so much, and kills it then; undefined: to its end. Returns whether it came there. */
async function run(args: readonly string[], words: number | undefined): Promise<boolean> {
  const child: ChildProcess = fork(SENDER, args, { execArgv: ["--import", "tsx"] });
  let said = 0;
  let last: unknown;
  child.on("message", (word) => {
    last = word;
    if (++said === words) child.kill("SIGKILL");
  });
  const [status] = await once(child, "exit");
  if (words === undefined) expect(status).toBe(0);
  return last === "done";
}

/** What an address asks the relay for. */
const kindOf = (address: string): string | undefined => /^[a-z]+/.exec(address)?.[0];

test.for([
  { mode: "chunking", count: 20_000, kills: 50 },
  { mode: "data", count: 6_000, kills: 15 },
] as const)(
  "$count messages, $mode, by a process that is killed $kills times: none lost, none twice but what was unknown",
  { timeout: 600_000 },
  async ({ mode, count, kills }) => {
    await using relay = await startMortalRelay(mode);
    const folder = await mkdtemp(join(tmpdir(), "journal-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const args = [folder, String(relay.port), String(count)];
    // Mostly in the middle of sending; each seventh time while it opens the journal, or has just done so.
    const share = (count * 1.4) / kills;
    for (let kill = 0; kill < kills; kill++) {
      const words = kill % 7 === 6 ? 1 + (kill % 2) : 3 + Math.floor(Math.random() * share);
      expect(await run(args, words), "it is still at work when it is killed").toBe(false);
    }
    await run(args, undefined);

    const all = Array.from({ length: count }, (_, n) => recipientsOf(n));
    const first = await relay.accepted();
    const unknown = new Set<string>();
    {
      await using journal = await Journal.open(folder);
      expect(await journal.counts()).toMatchObject({ begun: 0 });
      for await (const { recipients } of journal.unknown()) {
        for (const { address, state } of recipients) if (state === "unknown") unknown.add(address);
      }
    }
    for (const recipients of all) {
      const spam = recipients.some((address) => kindOf(address) === "spam");
      for (const address of recipients) {
        const times = first.get(address) ?? 0;
        if (kindOf(address) !== "to" || spam) expect([address, times]).toEqual([address, 0]);
        else if (unknown.has(address)) expect(times).toBeLessThan(2);
        else expect([address, times]).toEqual([address, 1]);
      }
    }

    // Told to, it sends those again, and only those.
    await run([...args, "--resend"], undefined);
    const second = await relay.accepted();
    let twice = 0;
    for (const recipients of all) {
      const spam = recipients.some((address) => kindOf(address) === "spam");
      for (const address of recipients) {
        const before = first.get(address) ?? 0;
        const takes = kindOf(address) === "to" && !spam;
        expect(second.get(address) ?? 0).toBe(unknown.has(address) && takes ? before + 1 : before);
        if (before === 1 && unknown.has(address)) twice++;
      }
    }
    await using journal = await Journal.open(folder);
    // What is refused for now waits on; everything else is over.
    const later = all.filter((recipients) => recipients.some((address) => kindOf(address) === "later"));
    expect(await journal.counts()).toEqual({
      waiting: later.length,
      begun: 0,
      unknown: 0,
      finished: count - later.length,
    });
    console.log(
      `${mode}: ${kills} kills, ${unknown.size} recipients unknown, ${twice} of them had been taken`,
    );
  },
);
