import { connect } from "node:net";
import type { TestServer } from "smtp-pipelining/testing";

/** Sends octets, and reads until the server hangs up: a client that shares no code with the server. */
export async function tell(
  server: TestServer,
  octets: string,
  end: "stay" | "leave" = "stay",
): Promise<string> {
  const socket = connect({ port: server.port, host: server.host, allowHalfOpen: true });
  let said = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    said += part;
  });
  const closed = new Promise<void>((resolve) => {
    socket.once("end", resolve).once("close", () => resolve());
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    said += error.code;
  });
  socket.write(octets, "latin1");
  if (end === "leave") socket.end();
  await closed;
  socket.destroy();
  return said;
}

/** The codes of replies, one a line of the server's. */
export function codes(said: string): string {
  return said.replace(/^(\d{3})([ -]).*\r\n/gm, (_, code: string, mark: string) =>
    mark === "-" ? "" : `${code} `,
  );
}
