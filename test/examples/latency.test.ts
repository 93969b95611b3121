import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { startLatencyProxy } from "../../examples/deliver/latency.ts";

test("the latency proxy keeps every octet and their order in both directions, and passes the end on", async () => {
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await once(echo.listen(0, "127.0.0.1"), "listening");
  const proxy = await startLatencyProxy({ host: "127.0.0.1", port: (echo.address() as AddressInfo).port }, 5);
  const socket = connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true });
  const sent = randomBytes(3_000_000);
  for (let at = 0; at < sent.length; at += 10_007) socket.write(sent.subarray(at, at + 10_007));
  socket.end();

  const received = await buffer(socket);
  expect(received.equals(sent)).toBe(true);
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

test("the latency proxy hangs up if the server is not there", async () => {
  const nobody = createServer();
  await once(nobody.listen(0, "127.0.0.1"), "listening");
  const { port } = nobody.address() as AddressInfo;
  await new Promise((resolve) => nobody.close(resolve));
  const proxy = await startLatencyProxy({ host: "127.0.0.1", port }, 5);
  const socket = connect(proxy.port, proxy.host);
  socket.on("error", () => undefined);
  await once(socket, "close");
  await proxy.close();
});
