import { surplus } from "smtp-pipelining/testing";
import { afterAll, describe, expect, test } from "vitest";
import { casesOf, runAll, type Sum, table } from "./matrix.ts";
import { MODES, type Mode } from "./mode.ts";
import { run } from "./run.ts";

/** Enough to see what is wrong. */
const SHOWN = 5;

/**
 * The fault matrix: each fault at each place of a conversation of three messages, in each mode. What the session says
 * is compared with what the server knows.
 */
export function faultMatrix(title: string, tls: boolean, modes: readonly Mode[]): void {
  const sums = new Map<string, Map<string, Sum>>();
  describe.each(modes)("$name", (mode) => {
    test("what is said of every recipient is true, once", { timeout: 900_000 }, async () => {
      const violations: string[] = [];
      const kinds = new Map<string, Sum>();
      sums.set(mode.name, kinds);
      let cases = 0;
      for (const [kind, each] of await casesOf(mode, tls)) {
        const sum = await runAll(mode, tls, each);
        kinds.set(kind, sum);
        violations.push(...sum.violations);
        cases += sum.cases;
      }
      const shown = violations.slice(0, SHOWN).join("\n\n");
      expect(violations.length, `${violations.length} of ${cases} cases, e.g.\n${shown}\n`).toBe(0);
    });
  });
  test("what can't be told shows: a refusal in front of a text's true answer", async () => {
    const faults = [surplus({ at: "text", reply: "451 4.3.0 surplus", before: true })];
    for (const mode of MODES.filter(({ name }) => name === "DATA" || name === "lock-step")) {
      const { problems } = await run(mode, tls, { name: "surplus", faults });
      expect(problems, mode.name).toEqual(["b1@x.net failed (message, retryable true), accepted"]);
    }
  });

  afterAll(() => console.log(`\n${table(title, sums)}\n`));
}
