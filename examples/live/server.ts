import { startEmbeddedServer } from "../deliver/embedded-server.ts";
import { exampleRefusal } from "../deliver/envelopes.ts";
import { startLatencyProxy } from "../deliver/latency.ts";

/** The example's server. @param roundTrip how far away it stands: milliseconds there and back */
export async function startServer(
  roundTrip: number,
): Promise<{ readonly host: string; readonly port: number; close(): Promise<void> }> {
  const server = await startEmbeddedServer({ refusal: exampleRefusal });
  const proxy = await startLatencyProxy(server, roundTrip / 2);
  return {
    host: proxy.host,
    port: proxy.port,
    close: async () => {
      await proxy.close();
      await server.close();
    },
  };
}
