import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";
import { createTestServer } from "smtp-pipelining/testing";
import { onTestFinished } from "vitest";

/** A text that the server stored for a recipient. */
export interface Stored {
  readonly recipient: string;
  readonly text: string;
}

export interface LmtpServer {
  readonly socketPath: string;
  readonly stored: readonly Stored[];
}

/**
 * A mail store on a Unix socket in a directory of its own, for one test. Its users' names say what they answer:
 * `full…` 452 and `closed…` 550 to the text, `nobody…` 550 to RCPT.
 * @param tlsOptions speaks TLS from the first octet
 */
export async function startLmtpServer(tlsOptions?: TlsOptions): Promise<LmtpServer> {
  const directory = await mkdtemp(join(tmpdir(), "lmtp "));
  const socketPath = join(directory, "store.sock");
  const server = await createTestServer({
    path: socketPath,
    protocol: "lmtp",
    extensions: ["PIPELINING", "8BITMIME"],
    replies: {
      "RCPT TO:<nobody": "550 5.1.1 nobody",
      "text <full": "452 4.2.2 full",
      "text <closed": "550 5.2.1 closed",
      "text <": "250 2.0.0 stored",
    },
    ...(tlsOptions !== undefined && { tls: "implicit", tlsOptions }),
  });
  onTestFinished(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });
  return {
    socketPath,
    get stored() {
      return server.messages.flatMap(({ to, text }) => to.map((recipient) => ({ recipient, text })));
    },
  };
}
