import { Worker } from "node:worker_threads";
import { BoundedPeerMemory, SmtpSession } from "smtp-pipelining";
import { expect, test } from "vitest";

// The server runs beside this thread, so that it can refuse and close while this one is busy.
const SERVER = `
  const { createServer } = require("node:net");
  const { parentPort, workerData } = require("node:worker_threads");
  const gone = new Int32Array(workerData);
  createServer((socket) => {
    let inText = false;
    socket.on("error", () => undefined);
    socket.on("close", () => { Atomics.store(gone, 0, 1); Atomics.notify(gone, 0); });
    socket.write("220 peer\\r\\n");
    socket.on("data", (octets) => {
      const lines = octets.toString("latin1");
      if (inText) socket.write("552 5.3.4 too big\\r\\n", () => socket.RESET);
      else if (lines.startsWith("EHLO")) socket.write("250-peer\\r\\n250 PIPELINING\\r\\n");
      else if (lines.includes("DATA")) {
        socket.write("250 ok\\r\\n250 ok\\r\\n354 go\\r\\n");
        inText = true;
      }
    });
  }).listen(0, "127.0.0.1", function () { parentPort.postMessage(this.address().port); });
`;

test.each(["destroy()", "resetAndDestroy()"])(
  "what the peer said before it closed is read, though the next write fails (%s)",
  async (how) => {
    const shared = new SharedArrayBuffer(4);
    const gone = new Int32Array(shared);
    const worker = new Worker(SERVER.replace("RESET", how), { eval: true, workerData: shared });
    const port = await new Promise<number>((resolve) => worker.once("message", resolve));
    const session = new SmtpSession({ host: "127.0.0.1", port, peers: new BoundedPeerMemory() });

    async function* text(): AsyncGenerator<Uint8Array, void, undefined> {
      yield Buffer.alloc(65_536, "a");
      yield Buffer.alloc(65_536, "b"); // pushes the first block out
      Atomics.wait(gone, 0, 0); // busy, while the server refuses and closes: nothing is read meanwhile
      yield Buffer.alloc(65_536, "c");
      yield Buffer.alloc(65_536, "d");
    }
    const delivery = await session.pipeline({ from: "a@example.org", to: "b@example.org", data: text() });

    expect(delivery.recipients).toMatchObject([
      { status: "failed", stage: "message", retryable: false, reply: { code: 552 } },
    ]);
    session.destroy();
    await worker.terminate();
  },
);
