import { createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { main } from "../../examples/scrape/scrape.ts";
import { startExample } from "../../grafana/picture/example.ts";
import { series, type Totals, withLabels } from "../support/scrape.ts";
import { runUnread } from "./run.ts";

/** Runs the program in this process. */
async function runHere(args: string[], signal: AbortSignal = new AbortController().signal) {
  let out = "";
  let errors = "";
  const status = await main({
    args,
    out: { write: (text) => (out += text) },
    errors: { write: (text) => (errors += text) },
    signal,
  });
  return { status, out, errors };
}

describe("npm run example:scrape", () => {
  test("serves metrics while it sends, which agree in the end with the deliveries", async () => {
    const example = await startExample(["--seconds", "4", "--rate", "100", "--linger", "60", "--json"]);
    onTestFinished(() => example.interrupt());
    expect(example.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);

    // While it runs.
    await example.line("    1 s ");
    const during = await fetch(example.url);
    expect(during.status).toBe(200);
    expect(during.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const some = series(await during.text());
    const total = (name: string, all: typeof some) =>
      all.filter((one) => one.name === name).reduce((sum, { value }) => sum + value, 0);
    expect(total("smtp_client_messages_total", some)).toBeGreaterThan(0);

    // Everywhere else.
    const elsewhere = await fetch(new URL("/", example.url));
    expect([elsewhere.status, await elsewhere.text()]).toEqual([404, "Nothing here. Try /metrics\n"]);
    expect((await fetch(example.url, { method: "POST" })).status).toBe(405);

    // After it: the last scrape is what the deliveries add up to, series by series.
    const totals: Totals = JSON.parse((await example.line("totals ")).slice("totals ".length));
    const all = series(await (await fetch(example.url)).text());
    const counted = (name: string) => all.filter((one) => one.name === name && one.value > 0);
    expect(withLabels(counted("smtp_client_messages_total"), ["client", "result"])).toEqual(
      Object.fromEntries(totals.messages.map(({ client, result, count }) => [`${client} ${result}`, count])),
    );
    expect(withLabels(counted("smtp_client_recipients_total"), ["client", "result", "stage"])).toEqual(
      Object.fromEntries(
        totals.recipients.map(({ client, result, stage, count }) => [`${client} ${result} ${stage}`, count]),
      ),
    );
    expect(totals.messages.reduce((sum, { count }) => sum + count, 0)).toBe(400);
    expect(total("smtp_client_messages_pending", all)).toBe(0);
    expect(total("smtp_client_telemetry_errors_total", all)).toBe(0);

    // Every kind of end was there.
    expect(new Set(totals.messages.map(({ result }) => result))).toEqual(
      new Set(["delivered", "partial", "deferred", "rejected", "unknown", "aborted"]),
    );
    expect(new Set(totals.recipients.map(({ result, stage }) => `${result} ${stage}`))).toEqual(
      new Set([
        "succeeded message",
        "deferred rcpt",
        "deferred message",
        "deferred connection",
        "rejected mail",
        "rejected rcpt",
        "rejected message",
        "rejected invalid",
        "rejected unsupported",
        "unknown connection",
        "aborted aborted",
      ]),
    );
    const happened = (name: string, label: string) =>
      counted(name)
        .map(({ labels }) => labels[label] ?? "")
        .sort();
    expect(new Set(happened("smtp_client_connections_total", "result"))).toEqual(
      new Set(["ready", "refused"]),
    );
    expect(happened("smtp_client_errors_total", "type")).toEqual(
      expect.arrayContaining(["ESMTP_CONNECT", "ESMTP_CONNECTION_LOST", "ESMTP_SERVER_CLOSING"]),
    );
    expect(happened("smtp_client_disconnections_total", "reason")).toContain("quit");

    example.interrupt();
    expect(await example.ended).toBe(0);
    expect(example.lines).toContainEqual(expect.stringMatching(/^ {2}all +400 /));
    expect(example.lines.at(-1)).toMatch(/^totals /);
  });

  test("Ctrl-C ends the sending, not the accounting", async () => {
    const example = await startExample(["--seconds", "0", "--json"]);
    onTestFinished(() => example.interrupt());
    await example.line("    1 s ");
    example.interrupt();
    const totals: Totals = JSON.parse((await example.line("totals ")).slice("totals ".length));
    expect(totals.messages.length).toBeGreaterThan(0);
    expect(await example.ended).toBe(0);
  });

  test("ends quietly when nobody reads any more, also if it would go on for ever", async () => {
    expect(await runUnread("scrape/main.ts", ["--port", "0", "--seconds", "0"])).toBe(0);
  });

  test("on a narrow terminal every line fits, and no number is lost", async () => {
    let out = "";
    const status = await main({
      args: ["--port", "0", "--seconds", "1.2", "--rate", "20"],
      out: { isTTY: true, columns: 60, write: (text) => (out += text) },
      errors: process.stderr,
      signal: new AbortController().signal,
    });
    expect(status).toBe(0);
    const lines = out.split("\n");
    expect(lines.filter(({ length }) => length > 60)).toEqual([]);
    expect(out).toMatch(/^ +1 s +\d+ messages {2}\d+ of \d+ succeeded$/m);
    const heads = lines.flatMap((line) => /^ {2}([a-z]+) +\S+ +\S+ +\S+$/.exec(line)?.[1] ?? []);
    const results = ["deferred", "rejected", "unknown", "aborted"];
    expect(heads).toEqual([
      ...["client", "messages", "delivered", "partial", ...results],
      ...["client", "recipients", "succeeded", ...results],
    ]);
    expect(out).toMatch(/^ {2}messages +\d+ +\d+ +24$/m);
  });

  test("ends by itself, without a totals line that nobody asked for", async () => {
    const { status, out, errors } = await runHere(["--port", "0", "--seconds", "0.5", "--rate", "20"]);
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
    expect(out).toMatch(/^ {2}all +10 /m);
    expect(out).not.toContain("totals");
  });

  test("stopped before it began it sends nothing, and says so", async () => {
    const { status, out } = await runHere(["--port", "0"], AbortSignal.abort());
    expect(status).toBe(0);
    expect(out).toMatch(/^ {2}all +0 +0 /m);
  });

  test("says how it is used", async () => {
    const { status, out } = await runHere(["--help"]);
    expect(status).toBe(0);
    expect(out).toContain("--rate 50");
  });

  test("says that it can't listen there", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const { status, out, errors } = await runHere(["--port", String(port)]);
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(errors).toMatch(/^Can't serve metrics: .*EADDRINUSE.*\nGive another --port/);
  });

  test.each([
    [["--port", "70000"], /^--port 70000: give an integer from 0 to 65535\./],
    [["--port", "x"], /^--port x: /],
    [["--port", "-1"], /^--port -1: give an integer from 0 to 65535\./],
    [["--rate", "0"], /^--rate 0: give a number above 0/],
    [["--seconds", "1e3"], /^--seconds 1e3: give a number of seconds/],
    [["--linger"], /--linger/],
    [["--verbose"], /--verbose/],
    [["file.eml"], /file\.eml/],
  ])("wrong arguments are told before anything is sent: %j", async (args, message) => {
    const { status, out, errors } = await runHere(args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(errors).toMatch(message);
    expect(errors).toMatch(/\n\nNothing was sent\. npm run example:scrape -- --help says more\.\n$/);
  });
});
