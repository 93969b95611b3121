export const USAGE = `Sends a newsletter through one pipelining SMTP session, traced with OpenTelemetry, and draws the spans.

  npm run example:trace            to an embedded server that is 40 ms away
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 npm run example:trace
                                   exports the spans to a collector too, over OTLP/HTTP, to /v1/traces there;
                                   OTEL_EXPORTER_OTLP_TIMEOUT (ms) and _HEADERS as everywhere

Exit status: 0 traced, 1 the spans could not be exported, 2 wrong arguments (nothing was sent).
`;

/** Wrong arguments. The message says what to do. */
export class UsageError extends Error {}

/**
 * @param endpoint where spans go: a URL, or nothing
 * @returns the endpoint, if there is one
 * @throws UsageError
 */
export function checkArguments(args: readonly string[], endpoint: string | undefined): string | undefined {
  const [extra] = args;
  if (extra !== undefined) throw new UsageError(`${extra} is too much: this example takes no arguments.`);
  if (endpoint === undefined || endpoint.trim() === "") return undefined;
  // The exporter itself would fall back to localhost, silently.
  if (!URL.canParse(endpoint) || !["http:", "https:"].includes(new URL(endpoint).protocol)) {
    throw new UsageError(
      `OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint} is no http URL. Give it like http://127.0.0.1:4318`,
    );
  }
  return endpoint.trim();
}
