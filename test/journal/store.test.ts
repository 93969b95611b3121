import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Journal } from "smtp-pipelining/journal";
import { createTestServer } from "smtp-pipelining/testing";
import { expect, test } from "vitest";
import { message, messages, poolTo } from "../support/pools.ts";
import { all, folderFor, openJournal } from "./set-up.ts";

const WRITER = fileURLToPath(new URL("processes/writer.ts", import.meta.url));

/** A journal that was closed with two finished messages, and one that waits. */
async function usedFolder(): Promise<string> {
  await using server = await createTestServer();
  const folder = await folderFor();
  const journal = await openJournal(folder);
  const pool = poolTo(server, { journal });
  for (const each of messages(1, 2)) await all(pool.deliver(journal.resume([each])));
  await journal.add(message(3));
  await journal.close();
  return folder;
}

test("is open in one process at a time", async () => {
  const folder = await folderFor();
  const journal = await openJournal(folder);
  const error = await Journal.open(folder).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "ESMTP_JOURNAL_LOCKED", message: expect.stringContaining(folder) });
  await journal.close();
  await (await openJournal(folder)).close();
});

test.each([
  [".log", "spoilt in the middle", async (file: string) => scramble(file)],
  ["MANIFEST-", "spoilt in the middle", async (file: string) => scramble(file)],
  ["MANIFEST-", "empty", async (file: string) => truncate(file, 0)],
  [".log", "gone", async (file: string) => unlink(file)],
  ["CURRENT", "gone", async (file: string) => unlink(file)],
  ["CURRENT", "nonsense", async (file: string) => writeFile(file, "nonsense\n")],
])("says that it is damaged where its %s is %s, and changes nothing", async (name, _, damage) => {
  const folder = await usedFolder();
  const files = await readdir(folder);
  const found =
    files
      .filter((each) => each.includes(name))
      .sort()
      .at(-1) ?? "";
  await damage(join(folder, found));
  const before = await contents(folder);
  const error = await Journal.open(folder).catch((cause: unknown) => cause);
  expect(error).toMatchObject({
    code: "ESMTP_JOURNAL_DAMAGED",
    message: expect.stringMatching(/is damaged: .*restore it from a copy/),
  });
  expect(await contents(folder)).toEqual(before);
});

/** The files of a store with what is in them: without those that LevelDB writes for people, and its lock. */
async function contents(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => !/^LO/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => `${file} ${(await readFile(join(folder, file))).toString("hex")}`),
  );
}

/** Spoils some octets at a third of a file. */
async function scramble(file: string): Promise<void> {
  const octets = await readFile(file);
  const at = Math.floor(octets.length / 3);
  octets.fill(0x55, at, at + 8);
  await writeFile(file, octets);
}

test("is not begun in a folder that has another store in it", async () => {
  const { ClassicLevel } = await import("classic-level");
  const folder = await folderFor();
  const other = new ClassicLevel(folder);
  await other.put("a", "b");
  await other.close();
  await expect(Journal.open(folder)).rejects.toMatchObject({ code: "ESMTP_JOURNAL_DAMAGED" });
});

test("that can't be written is refused when it is opened: its folder is a file", async () => {
  const folder = await folderFor();
  await writeFile(folder, "");
  await expect(Journal.open(folder)).rejects.toMatchObject({
    code: "ESMTP_JOURNAL",
    message: expect.stringContaining("see that it can be written"),
  });
});

test("that may only be read is refused when it is opened", async () => {
  const folder = await usedFolder();
  await chmod(folder, 0o555);
  for (const file of await readdir(folder)) await chmod(join(folder, file), 0o444);
  // Nothing is forbidden to root: another user tries.
  const said = await writer([folder, "0", "0"], { nobody: true });
  expect(said).toMatch(/^ESMTP_JOURNAL The journal .* can't be used: .*[Pp]ermission denied/);
  await chmod(folder, 0o755);
  for (const file of await readdir(folder)) await chmod(join(folder, file), 0o644);
  const journal = await openJournal(folder);
  expect(await journal.counts()).toEqual({ waiting: 1, begun: 0, unknown: 0, finished: 2 });
});

test("of a disk that becomes full sends nothing more, and loses nothing", async () => {
  await using server = await createTestServer();
  const folder = await folderFor();
  // Files may grow to 64 KiB: a write fails in the middle of a record.
  const said = await writer([folder, String(server.port), "1000"], { blocks: 64 });
  const [sent, failed, code] = said.split(" ");
  expect(code).toBe("ESMTP_JOURNAL");
  expect(Number(sent)).toBeGreaterThan(0);
  expect(Number(failed)).toBeGreaterThan(0);
  expect(server.messages).toHaveLength(Number(sent));

  // With room again it goes on where it was.
  const journal = await openJournal(folder);
  const held = (await all(journal.unknown())).map(({ id }) => id);
  const rest = poolTo(server, { journal }).deliver(journal.resume(messages(1, 1000)));
  for await (const { ok } of rest) expect(ok).toBe(true);
  const taken = server.messages.map(({ to }) => to[0]);
  expect(new Set(taken).size).toBe(taken.length);
  const missing = messages(1, 1000).filter(({ to }) => !taken.includes(String(to)));
  expect(missing.every(({ id }) => held.includes(String(id)))).toBe(true);
});

/** Runs the writer, and returns its last line. */
async function writer(
  args: readonly string[],
  limits: { readonly nobody?: boolean; readonly blocks?: number },
): Promise<string> {
  const root = process.getuid?.() === 0;
  const command = [process.execPath, "--import", "tsx", WRITER, ...args].map((each) => `'${each}'`).join(" ");
  const limit = limits.blocks === undefined ? "" : `ulimit -f ${limits.blocks}; `;
  const child: ChildProcess = spawn("bash", ["-c", `${limit}exec ${command}`], {
    stdio: ["ignore", "pipe", "inherit"],
    ...(limits.nobody && root && { uid: Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" })) }),
  });
  let text = "";
  child.stdout?.on("data", (octets: Buffer) => {
    text += octets;
  });
  await once(child, "close");
  return text.trim().split("\n").at(-1) ?? "";
}

test("and mkdir makes what is missing on the way", async () => {
  const folder = join(await folderFor(), "a", "b");
  await mkdir(join(folder, ".."), { recursive: true });
  await (await openJournal(folder)).close();
  expect(await readdir(folder)).toContain("CURRENT");
});
