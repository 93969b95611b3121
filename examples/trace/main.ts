import { trace } from "@opentelemetry/api";
import { type Delivery, SmtpSession } from "smtp-pipelining";
import { attachTracing } from "smtp-pipelining/tracing";
import { whenNobodyReads } from "../terminal/program.ts";
import { checkArguments, USAGE, UsageError } from "./arguments.ts";
import { fates, LETTERS, ROUND_TRIP, startDistantServer } from "./newsletter.ts";
import { startTelemetry } from "./telemetry.ts";
import { drawTree } from "./tree.ts";
import { drawWaterfall } from "./waterfall.ts";

/** What an application does: a span of its own, and within it a traced session. */
function sendNewsletter(url: string): Promise<Delivery[]> {
  return trace.getTracer("newsletter").startActiveSpan("send the newsletter", async (span) => {
    const session = new SmtpSession(url);
    attachTracing(session); // from here on every message and every command group is a span
    const deliveries = await Promise.all(LETTERS.map((letter) => session.pipeline(letter)));
    await session.quit();
    span.end();
    return deliveries;
  });
}

/** Returns the exit status: 0 traced, 1 the spans could not be exported, 2 wrong arguments. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const endpoint = checkArguments(args, process.env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  const telemetry = startTelemetry(endpoint);
  const server = await startDistantServer();
  const deliveries = await sendNewsletter(server.url);
  await server.close();

  const { spans } = telemetry;
  const width = Math.max(process.stdout.columns || 100, 60);
  print(
    `${LETTERS.length} messages to an embedded smtp-server ${ROUND_TRIP} ms away, which`,
    "refuses a recipient of letter-2 and the text of offer-4:",
    fates(deliveries),
    "",
  );
  print(...drawTree(spans, width), "");
  print(...drawWaterfall(spans, width), "");
  if (telemetry.exportTo === undefined) {
    print(
      `${spans.length} spans. To export them as well set`,
      "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318",
    );
    return 0;
  }
  print(`Exporting ${spans.length} spans to ${telemetry.exportTo} ...`);
  const failure = await telemetry.export();
  if (failure === undefined) {
    print(`Exported, as service.name "${telemetry.serviceName}".`);
    return 0;
  }
  process.stderr.write(`The spans could not be exported to ${telemetry.exportTo}: ${failure}\n`);
  return 1;
}

function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

// The spans are exported all the same.
whenNobodyReads(() => undefined);

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\nNothing was sent. npm run example:trace -- --help says more.\n`);
  process.exitCode = 2;
}
