import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestServer, cut, stall } from "smtp-pipelining/testing";
import { sendNewsletter } from "./newsletter.ts";

const [ann, bob, cid] = ["ann@example.net", "bob@example.net", "cid@example.net"] as const;

test("a refused recipient is struck off, one with a full mailbox is tried again", async () => {
  await using server = await createTestServer({
    replies: { "RCPT TO:<ann@": "550 5.1.1 No such user", "RCPT TO:<bob@": "452 4.2.2 Mailbox full" },
  });
  const toDo = await sendNewsletter({ host: server.host, port: server.port }, [ann, bob, cid]);
  assert.deepEqual(toDo, { tryAgain: [bob], strikeOff: [ann], askSomebody: [] });
  assert.deepEqual(
    server.messages.map(({ to }) => to),
    [[cid]],
  );
});

test("a cut behind the text of message 2: nobody knows, so it is not sent again", async () => {
  await using server = await createTestServer({ faults: [cut({ at: "text", nth: 2 })] });
  const toDo = await sendNewsletter({ host: server.host, port: server.port }, [ann, bob, cid]);
  assert.deepEqual(toDo, { tryAgain: [cid], strikeOff: [], askSomebody: [bob] });
  // The server knows: it had taken it.
  assert.deepEqual(
    server.messages.map(({ to }) => to),
    [[ann], [bob]],
  );
});

test("a server far away that falls silent", async () => {
  await using server = await createTestServer({ latency: 20, faults: [stall({ at: "DATA", nth: 2 })] });
  const { host, port } = server;
  const toDo = await sendNewsletter({ host, port, timeouts: { data: 200 } }, [ann, bob, cid]);
  assert.deepEqual(toDo, { tryAgain: [bob, cid], strikeOff: [], askSomebody: [] });
});
