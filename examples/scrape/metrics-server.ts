import { createServer } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import type { Registry } from "prom-client";

export interface MetricsServer {
  /** Where to scrape. */
  readonly url: string;
  /** Fulfils when the last answer has been given. */
  close(): Promise<void>;
}

/** Serves a register over HTTP, as Prometheus scrapes it. Rejects if it can't listen there. */
export async function startMetricsServer(
  register: Registry,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer(async ({ method, url }, response) => {
    if (url?.split("?")[0] !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("Nothing here. Try /metrics\n");
    } else if (method !== "GET" && method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else {
      const metrics = await register.metrics();
      response.writeHead(200, { "content-type": register.contentType }).end(metrics);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${listening}/metrics`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
