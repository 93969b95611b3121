import { connect } from "node:net";
import { createScriptedServer } from "smtp-pipelining/testing";
import { describe, expect, onTestFinished, test } from "vitest";

// The steps of a script for octets and chunks, with a client that writes what the test says: they must not let pass
// what is something else.

/** Runs a script with a client that writes all this and closes. Returns what it heard. */
async function run(script: string, ...writes: readonly string[]): Promise<string> {
  await using server = await createScriptedServer();
  const played = server.play(script);
  played.catch(() => undefined); // seen below, when the client is done
  const client = connect(server.port, server.host);
  onTestFinished(() => {
    client.destroy();
  });
  let heard = "";
  client.on("data", (octets) => {
    heard += octets.toString("latin1");
  });
  client.on("error", () => client.destroy());
  for (const each of writes) client.write(each, "latin1");
  client.end();
  await played;
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

test("a server that is closed says so to whoever waits for a client", async () => {
  const server = await createScriptedServer();
  const played = expect(server.play("S: 220 hello")).rejects.toThrow("closed before a client connected");
  await expect(server.play("S: 220 hello")).rejects.toThrow("Another conversation waits");
  await server.close();
  await played;
});

test("who connects where no conversation waits for him is hung up on", async () => {
  await using server = await createScriptedServer();
  const client = connect(server.port, server.host);
  client.on("error", () => undefined);
  await new Promise((resolve) => client.once("close", resolve));
  await expect(server.play("the client says hello")).rejects.toThrow("not a line of a script");
});
