import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { redisSkipped } from "../support/redis.ts";
import { runExample } from "./run.ts";

const MAIN = "worker/main.ts";

/** The figures of a row. */
function figures(out: string, beginning: RegExp): number[] {
  const line = out.split("\n").find((one) => beginning.test(one)) ?? "";
  return (line.replace(beginning, "").match(/\d[\d,]*/g) ?? []).map((n) => Number(n.replaceAll(",", "")));
}

describe("npm run example:worker", () => {
  test.skipIf(redisSkipped)("delivers everything, and ends by itself with what came of it", async () => {
    const { status, out, errors } = await runExample(MAIN, ["--messages", "1000", "--port", "0"]);
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
    expect(out.match(/^Scrape http:\/\/127\.0\.0\.1:\d+\/metrics$/gm)).toHaveLength(2);
    expect(out).toMatch(/^1,000 messages in \d+\.\d s$/m);
    const one = figures(out, /^ {2}worker 1/);
    const two = figures(out, /^ {2}worker 2/);
    const both = one.map((n, i) => n + (two[i] ?? 0));
    const [delivered, partial, rejected, expired, deferred = 0, held = 0] = both;
    // Of every 25 messages one has an address that is refused for good.
    expect({ delivered, partial, rejected, expired }).toEqual({
      delivered: 960,
      partial: 40,
      rejected: 0,
      expired: 0,
    });
    // One in twenty is put off once.
    expect(deferred).toBeGreaterThanOrEqual(50);
    // Connections break behind two texts.
    expect(held).toBeGreaterThanOrEqual(2);
    const [settled = 0, released = 0] = figures(out, /^Held, and looked up in the mail server's log: /);
    expect(settled).toBeGreaterThanOrEqual(1);
    expect(settled + released).toBe(held);
    expect(out).toContain("The mail server's log: 1,040 addresses to be reached, 0 missing, 0 twice\n");
  });

  test("says what to install where there is no Redis, with exit status 1", async () => {
    const empty = mkdtempSync(join(tmpdir(), "no-redis-"));
    onTestFinished(() => rmSync(empty, { recursive: true }));
    const { status, out, errors } = await runExample(MAIN, [], { PATH: empty });
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(errors).toBe(
      "There is no Redis: spawn redis-server ENOENT\nOn Debian: apt-get install redis-server\n",
    );
  });

  test("says how it is used", async () => {
    const { status, out } = await runExample(MAIN, ["--help"]);
    expect(status).toBe(0);
    expect(out).toContain("npm run example:worker -- [options]\n");
  });

  test.each([
    [["--messages", "0"], "--messages 0: give an integer from 1 to 1000000."],
    [["--port", "65535"], "--port 65535: give an integer from 0 to 65534."],
    [["--linger", "-1"], "--linger -1: give an integer from 0 to 86400."],
  ])("refuses %j before anything is done, with exit status 2", async (args, message) => {
    const { status, out, errors } = await runExample(MAIN, args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(errors).toBe(`${message}\n\nNothing was sent. npm run example:worker -- --help says more.\n`);
  });
});
