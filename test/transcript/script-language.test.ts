import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { ScriptedConnection } from "../support/scripted-peer/connection.ts";
import { parseScript } from "../support/scripted-peer/script.ts";

// The steps of a script for octets and chunks, with a client that writes what the test says: they must not let pass
// what is something else.

/** Runs a script with a client that writes all this at once and closes. */
async function run(script: string, ...writes: readonly string[]): Promise<string> {
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  let heard = "";
  client.on("data", (octets) => {
    heard += octets.toString("latin1");
  });
  client.on("error", () => client.destroy());
  const view = { repliesNoticed: () => Number.POSITIVE_INFINITY, writes: () => undefined, actions: {} };
  const connection = new ScriptedConnection(await accepted, view);
  for (const each of writes) client.write(each, "latin1");
  client.end();
  await connection.run(parseScript(script));
  await new Promise((resolve) => client.once("close", resolve));
  return heard;
}

test("octets, without a line end and whatever they are", async () => {
  const script = "C: BDAT 6 LAST\nC> a<CR><LF><NUL><FF>.\nC: RSET";
  await run(script, "BDAT 6 LAST\r\na\r", "\n\0\xff.RSET\r\n");
  await run("C> \nC: RSET", "RSET\r\n");
});

test("chunks of any size, each but the last answered", async () => {
  const script = "C* a<CR><LF>BDAT 1<CR><LF>\nC: RSET";
  const text = "a\r\nBDAT 1\r\n";
  expect(await run(script, `BDAT 11 LAST\r\n${text}RSET\r\n`)).toBe("");
  expect(await run(script, `BDAT 4\r\n${text.slice(0, 4)}BDAT 7 LAST\r\n${text.slice(4)}`, "RSET\r\n")).toBe(
    "250 chunk\r\n",
  );
  expect(await run(script, `BDAT 11\r\n${text}BDAT 0 LAST\r\nRSET\r\n`)).toBe("250 chunk\r\n");
  expect(await run("C* \nC: RSET", "BDAT 0 LAST\r\nRSET\r\n")).toBe("");
});

test("chunks that are not ended", async () => {
  const script = "C: RSET\n-- chunks, not ended";
  expect(await run(script, "RSET\r\nBDAT 3\r\nabcBDAT 5\r\nab")).toBe("250 chunk\r\n");
  expect(await run(script, "RSET\r\nBDAT 3\r\nabcBDAT 3 LAST\r\nab")).toBe("250 chunk\r\n");
  expect(await run(script, "RSET\r\n")).toBe("");
});

describe("what goes another way is seen", () => {
  test.each([
    ["other octets", "C> abc", "abd", '"abc" was due'],
    ["too few octets", "C> abc", "ab", 'closed where "abc" was due'],
    ["octets too many", "C> abc", "abcd", "the client sent this"],
    ["a line in place of chunks", "C* abc", "RSET\r\n", "BDAT was due"],
    ["other octets in a chunk", "C* abc", "BDAT 3 LAST\r\nabd", '"abc" was due'],
    ["a chunk too many", "C* abc", "BDAT 4 LAST\r\nabcd", "3 octets were left"],
    ["LAST too early", "C* abc", "BDAT 2 LAST\r\nab", "1 octets were left behind LAST"],
    ["no LAST", "C* abc", "BDAT 3\r\nabc", 'closed where "BDAT" was due'],
    ["a text that was ended", "-- chunks, not ended", "BDAT 1\r\naBDAT 1 LAST\r\nb", "the text was ended"],
    ["a command between chunks", "-- chunks, not ended", "BDAT 1\r\naRSET\r\n", "no chunk"],
  ])("%s", async (_, script, written, problem) => {
    await expect(run(script, written)).rejects.toThrow(problem);
  });
});
