import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import { runExample } from "./run.ts";

const MAIN = "trace/main.ts";
/** No retries: a collector that is away is told at once. */
const IMPATIENT = { OTEL_EXPORTER_OTLP_TIMEOUT: "300" };

/** Label by label, what the tree and the waterfall must show: a span under its parent. */
const SPANS: readonly [depth: number, label: string][] = [
  [0, "send the newsletter"],
  // The first message makes the session connect.
  [1, "smtp send letter-1"],
  [2, "PIPELINE MAIL RCPT DATA"],
  [1, "smtp connect"],
  [2, "greeting"],
  [2, "EHLO"],
  [1, "smtp send letter-2"],
  [2, "PIPELINE text RSET MAIL RCPT DATA"],
  [1, "smtp send letter-3"],
  [2, "PIPELINE text RSET MAIL RCPT DATA"],
  [1, "smtp send offer-4"],
  [2, "PIPELINE text RSET MAIL RCPT DATA"],
  [1, "smtp send letter-5"],
  [2, "PIPELINE text RSET MAIL RCPT DATA"],
  [1, "smtp send letter-6"],
  [2, "PIPELINE text RSET MAIL RCPT DATA"],
  [2, "text"],
  [0, "QUIT"],
];

/** A bar of the waterfall: the first and the last column that is not waiting. */
function barOf(row: string): { work: number; end: number } {
  return { work: row.search(/[█▒]/), end: Math.max(row.lastIndexOf("█"), row.lastIndexOf("▒")) };
}

describe("npm run example:trace", () => {
  test("draws the spans as a tree and as a waterfall", async () => {
    const { status, out, errors } = await runExample(MAIN);
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
    expect(out).toContain("8 recipients succeeded, 2 failed, 0 unknown\n");
    expect(out).toMatch(/^18 spans\. .*\nOTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/127\.0\.0\.1:4318$/m);
    const lines = out.split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);

    // The tree: every span under its parent.
    const spans = lines
      .map((line) => /^((?:│ {2}| {3})*(?:├─ |└─ )?)(\S.*?) +\d+\.\d ms {2}(unset|ERROR)/.exec(line))
      .filter((found) => found !== null);
    expect(spans.map(([, branch = "", label]) => [branch.length / 3, label])).toEqual(SPANS);
    expect(spans.filter(([, , , status]) => status === "ERROR").map(([line]) => line.trim())).toEqual([
      expect.stringMatching(/smtp send offer-4 .* ERROR/),
      expect.stringMatching(/PIPELINE text RSET MAIL RCPT DATA .* ERROR/),
    ]);
    // What was refused, and by which links one sees whose text it was.
    expect(out).toMatch(
      /smtp send letter-2 .* unset\n.*smtp\.recipients\.count=3 {2}smtp\.recipients\.succeeded=2 {2}smtp\.recipients\.failed=1\n/,
    );
    expect(out).toMatch(/event smtp\.recipient\.failed at [\d.]+ ms {2}smtp\.recipient\.stage=rcpt\n/);
    expect(out).toMatch(/smtp send offer-4 .* ERROR: The message was answered 554\n/);
    expect(out).toMatch(
      /ERROR: text was answered 554\n.*smtp\.group\.commands=5 .*\n(.*error\.type=554\n)?.*link to smtp send offer-4 {2}smtp\.message\.part=end\n.*link to smtp send letter-5 {2}smtp\.message\.part=start\n/,
    );

    // The waterfall: the same spans, one row each.
    const rows = lines.filter((line) => /[█▒]/.test(line) && !line.includes("under way"));
    expect(rows.map((row) => [/^ */.exec(row)?.[0].length, row.trim().split("  ")[0]])).toEqual(
      SPANS.map(([depth, label]) => [depth * 2, label]),
    );
    const [letter1 = ""] = rows.slice(SPANS.findIndex(([, label]) => label === "smtp send letter-1"));
    const letter2 = SPANS.findIndex(([, label]) => label === "smtp send letter-2");
    const [shared = "", letter3 = ""] = rows.slice(letter2 + 1);
    expect(shared).toContain("1 end, 2 start");
    expect(letter1).toMatch(/ ·+█+$/);
    // What holds on any machine: the group outlives message 1, and message 3 begins when message 1 is over.
    expect(barOf(shared).end).toBeGreaterThanOrEqual(barOf(letter1).end);
    expect(barOf(letter3).work).toBeGreaterThanOrEqual(barOf(letter1).end);
  });

  test("exports all spans to a collector too, with their parents", async () => {
    const receiver = await startOtlpReceiver();
    const { status, out, errors } = await runExample(MAIN, [], { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
    expect(out).toContain(`\nExporting 18 spans to ${receiver.url}v1/traces ...\n`);
    expect(out).toMatch(/^Exported, as service\.name "newsletter"\.\n$/m);

    const [resource, ...others] = receiver.requests.flatMap(({ resourceSpans }) => resourceSpans);
    expect(others).toEqual([]);
    expect(resource?.resource.attributes).toContainEqual({
      key: "service.name",
      value: { stringValue: "newsletter" },
    });
    const scopes = resource?.scopeSpans ?? [];
    expect(scopes.map(({ scope, spans }) => [scope.name, spans.length]).toSorted()).toEqual([
      ["newsletter", 1],
      ["smtp-pipelining", 17],
    ]);
    const spans = scopes.flatMap((scope) => scope.spans);
    const called = new Map(
      spans.map(({ spanId, name, attributes }) => {
        const id = attributes.find(({ key }) => key === "messaging.message.id")?.value.stringValue;
        return [spanId, id === undefined ? name : `${name} ${id}`];
      }),
    );
    const received = spans.map(({ spanId, parentSpanId }) => [
      called.get(spanId),
      parentSpanId === undefined ? undefined : (called.get(parentSpanId) ?? "a span that is not there"),
    ]);
    expect(received.toSorted()).toEqual(withParents(SPANS).toSorted());
    // QUIT belongs to no message and is a trace of its own.
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(2);
    expect(
      spans.filter(({ status: { code } }) => code === 2).map(({ spanId }) => called.get(spanId)),
    ).toEqual(expect.arrayContaining(["smtp send offer-4", "PIPELINE text RSET MAIL RCPT DATA"]));
    // A group overlaps the end of one message and the start of the next.
    const [first, second] = ["letter-1", "letter-2"].map((id) =>
      spans.find(({ spanId }) => called.get(spanId) === `smtp send ${id}`),
    );
    const shared = spans.find(({ parentSpanId }) => parentSpanId === second?.spanId);
    expect(at(shared?.startTimeUnixNano)).toBeGreaterThan(at(second?.startTimeUnixNano));
    expect(at(shared?.startTimeUnixNano)).toBeLessThan(at(first?.endTimeUnixNano));
    expect(at(shared?.endTimeUnixNano)).toBeGreaterThanOrEqual(at(first?.endTimeUnixNano));
    expect(at(shared?.endTimeUnixNano)).toBeLessThan(at(second?.endTimeUnixNano));
  });

  test("tells of a collector that is not there, with exit status 1", async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", ...IMPATIENT };
    const { status, out, errors } = await runExample(MAIN, [], env);
    expect(status).toBe(1);
    expect(errors).toBe(
      "The spans could not be exported to http://127.0.0.1:1/v1/traces: connect ECONNREFUSED 127.0.0.1:1\n",
    );
    // The drawings are there all the same.
    expect(out).toContain("└─ PIPELINE MAIL RCPT DATA");
    expect(out).not.toContain("Exported");
  });

  test("tells of an HTTP server that is no collector", async () => {
    const paths: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url);
      request.resume().on("end", () => response.writeHead(404).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/collector`;
    const { status, errors } = await runExample(MAIN, [], { OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(status).toBe(1);
    expect(errors).toBe(`The spans could not be exported to ${url}/v1/traces: 404 Not Found\n`);
    expect(paths).toEqual(["/collector/v1/traces"]);
  });

  test("says how it is used", async () => {
    const { status, out } = await runExample(MAIN, ["--help"]);
    expect(status).toBe(0);
    expect(out).toContain("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 npm run example:trace\n");
  });

  test.each<[string, string[], Record<string, string>, string]>([
    ["an argument", ["now"], {}, "now is too much: this example takes no arguments."],
    [
      "an endpoint without a scheme",
      [],
      { OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4318" },
      "OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318 is no http URL. Give it like http://127.0.0.1:4318",
    ],
    [
      "an endpoint that is no URL",
      [],
      { OTEL_EXPORTER_OTLP_ENDPOINT: "collector" },
      "OTEL_EXPORTER_OTLP_ENDPOINT=collector is no http URL. Give it like http://127.0.0.1:4318",
    ],
  ])("refuses %s before anything is sent, with exit status 2", async (_, args, env, message) => {
    const { status, out, errors } = await runExample(MAIN, args, env);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(errors).toBe(`${message}\n\nNothing was sent. npm run example:trace -- --help says more.\n`);
  });
});

/** Nanoseconds since the epoch. */
function at(time: string | undefined): bigint {
  return BigInt(time ?? "missing");
}

/** Each label with that of the nearest one above that stands less deep. */
function withParents(spans: typeof SPANS): [string, string | undefined][] {
  return spans.map(([depth, label], i) => {
    const parent = spans.slice(0, i).findLast(([above]) => above < depth);
    return [label, parent?.[1]];
  });
}
