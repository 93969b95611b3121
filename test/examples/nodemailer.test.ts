import { describe, expect, test } from "vitest";
import { runExample } from "./run.ts";

describe("npm run example:nodemailer", () => {
  test("sends the same with both transports, with the same results", async () => {
    const { status, out } = await runExample("nodemailer/main.ts", ["--messages", "20", "--distance", "10"]);
    expect(status).toBe(0);
    expect(out.match(/^ {2}[\d.]+ s: 19 sent, 1 failed; the server accepted 19$/gm)).toHaveLength(2);
    const parts = out.split("nodemailer.createTransport(").slice(1);
    expect(parts).toHaveLength(2);
    for (const part of parts) {
      expect(part).toContain("accepted: [ 'reader-0@example.net' ]");
      expect(part).toContain("code: 'EENVELOPE'");
      expect(part).toContain("rejected: [ 'nobody@example.net' ]");
    }
    expect(out).toMatch(/^[\d.]+ times as fast/m);
  });

  test("says how it is used, and what is wrong with its arguments", async () => {
    const help = await runExample("nodemailer/main.ts", ["--help"]);
    expect([help.status, help.out]).toEqual([0, expect.stringContaining("--distance MS")]);
    const wrong = await runExample("nodemailer/main.ts", ["--messages", "0"]);
    expect([wrong.status, wrong.errors]).toEqual([
      2,
      expect.stringContaining("--messages must be a whole number from 1 to 10000, not 0."),
    ]);
  });
});
