import fc from "fast-check";
import { expect, test } from "vitest";
import { authenticate } from "../../src/pipeline/authentication.ts";
import { SmtpError } from "../../src/protocol/errors.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import type { Credentials } from "../../src/protocol/sasl/exchange.ts";
import { runs } from "../support/scripts.ts";

// Servers that say anything, and do not know the password.

const SECRET = "pl4nted";
const NONCE = "fyko+d2lbbFgONRv9qkxdawL";

const b64 = (text: string): string => Buffer.from(text).toString("base64");

const challenge = fc.oneof(
  fc.constantFrom("", "=", "no base64", b64("{}"), b64("e=other-error"), b64("v=AAAA"), b64("v=")),
  fc.base64String({ maxLength: 40 }),
  fc.string({ maxLength: 20 }),
  // A first message as it should be, and almost so.
  fc.constantFrom(4_096, 4_095, 99_999_999).map((i) => b64(`r=${NONCE}more,s=${b64("salt")},i=${i}`)),
  fc
    .uint8Array({ minLength: 20, maxLength: 32 })
    .map((octets) => b64(`v=${Buffer.from(octets).toString("base64")}`)),
);

const reply: fc.Arbitrary<Reply> = fc
  .record({
    code: fc.oneof(
      { weight: 6, arbitrary: fc.constant(334) },
      { weight: 2, arbitrary: fc.constant(235) },
      { weight: 3, arbitrary: fc.constantFrom(250, 421, 432, 454, 500, 501, 504, 530, 534, 535, 538) },
    ),
    text: challenge,
  })
  .map(({ code, text }) => ({ code, text, lines: [text] }));

const offered = fc.subarray(
  [
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
    "XOAUTH2",
    "OAUTHBEARER",
  ],
  { minLength: 1 },
);

const who: fc.Arbitrary<Credentials> = fc.constantFrom<Credentials[]>(
  { user: "tim", pass: SECRET },
  { user: "tim", accessToken: SECRET },
);

interface Outcome {
  readonly mechanism: string | undefined;
  readonly error: unknown;
  readonly lines: readonly string[];
  readonly shown: readonly string[];
}

function run(
  mechanisms: readonly string[],
  credentials: Credentials,
  verified: boolean,
  says: readonly Reply[],
): Outcome {
  const lines: string[] = [];
  const shown: string[] = [];
  const going = authenticate(new Map([["AUTH", mechanisms.join(" ")]]), false);
  let asked = 0;
  try {
    let step = going.next(undefined);
    for (let i = 0; !step.done; i++) {
      if (i > 200) throw new Error("it does not end");
      const { value } = step;
      if (value.kind === "command") {
        lines.push(value.line);
        shown.push(value.shown ?? value.line);
        // Who has nothing more to say refuses.
        step = going.next(says[lines.length - 1] ?? { code: 535, lines: ["no"], text: "no" });
      } else if (value.kind === "credentials") {
        asked++;
        const again = value.refusal === undefined ? credentials : { ...credentials, accessToken: "fresh" };
        const channelBinding = verified
          ? { type: "tls-exporter" as const, data: Uint8Array.of(1, 2) }
          : undefined;
        const context = { host: "mx.example", port: 587, nonce: NONCE, channelBinding };
        step = going.next({ credentials: again, verified, context });
      } else {
        step = going.next(new Uint8Array(value.kind === "derive" && value.digest === "sha1" ? 20 : 32));
      }
    }
    expect(asked).toBeLessThanOrEqual(2);
    return { mechanism: step.value, error: undefined, lines, shown };
  } catch (error) {
    return { mechanism: undefined, error, lines, shown };
  }
}

test("whatever a server says, AUTH ends; SCRAM believes nobody without a proof, and no secret is shown or given away", () => {
  fc.assert(
    fc.property(
      offered,
      who,
      fc.boolean(),
      fc.array(reply, { maxLength: 12 }),
      (mechanisms, credentials, verified, says) => {
        const { mechanism, error, lines, shown } = run(mechanisms, credentials, verified, says);
        if (mechanism === undefined) {
          expect(error).toBeInstanceOf(SmtpError);
          expect(String(error)).not.toContain(SECRET);
        } else {
          expect(mechanism).not.toMatch(/^SCRAM/);
          expect(Math.trunc((says[lines.length - 1]?.code ?? 0) / 100)).toBe(2);
          expect(lines.at(-1)).not.toBe("*");
        }
        const decoded = lines.map((line) => Buffer.from(line.split(" ").at(-1) ?? "", "base64").toString());
        if (!verified) expect(decoded.join("\\n")).not.toContain(SECRET);
        // What is shown is a verb, a mechanism, the way out of an exchange, or nothing.
        for (const line of shown) expect(line).toMatch(/^(?:AUTH [A-Z\d-]+(?: \*\*\*)?|\*\*\*|\*|)$/);
      },
    ),
    { numRuns: runs(3_000) },
  );
});
