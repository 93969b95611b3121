import { createTestServer } from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { OF_THE_CONNECTION } from "./scenarios/connection.ts";
import { OF_THE_ENVELOPE } from "./scenarios/envelope.ts";
import { MAIL, type Scenario } from "./scenarios/scenario.ts";
import { OF_THE_TEXT } from "./scenarios/text.ts";
import { createTransporter, type Kind } from "./transporters.ts";

/** What a scenario brings through a transport: what is told, and what the server accepted. */
interface Played {
  readonly outcome: Outcome;
  readonly texts: readonly string[];
  readonly envelopes: readonly (readonly string[])[];
}

async function play(scenario: Scenario, kind: Kind): Promise<Played> {
  await using server = await createTestServer(scenario.server);
  const { host, port } = server;
  const options = typeof scenario.options === "function" ? await scenario.options(server) : scenario.options;
  // What is tried again is another test's.
  const common = { host, port, name: "client.example", maxRequeues: 0, ...options };
  const transporter = createTransporter(kind, common);
  const mail = { ...MAIL, ...(typeof scenario.mail === "function" ? scenario.mail() : scenario.mail) };
  const outcome = await outcomeOf(
    scenario.run === undefined ? transporter.sendMail(mail) : scenario.run(transporter, server, mail),
  );
  transporter.close();
  return {
    outcome,
    texts: server.messages.map(({ text }) => text),
    envelopes: server.messages.map(({ envelope }) => envelope),
  };
}

const AGAIN = {
  again: { fate: "failed", retryable: true },
  never: { fate: "failed", retryable: false },
  unknown: { fate: "unknown", retryable: false },
};

describe.each([
  ["the envelope", OF_THE_ENVELOPE],
  ["the text", OF_THE_TEXT],
  ["the connection", OF_THE_CONNECTION],
] as const)("%s: the same as nodemailer's transports, but for what the table says", (_, scenarios) => {
  test.each(scenarios)("$name", async (scenario) => {
    const [smtp, pool, ours] = await Promise.all([
      play(scenario, "smtp"),
      play(scenario, "pool"),
      play(scenario, "ours"),
    ]);

    expect(smtp.outcome).toMatchObject(scenario.shows);
    expect(pool.outcome).toEqual({ ...smtp.outcome, ...scenario.pool });

    const { instead = smtp.outcome, says, envelopes = smtp.envelopes } = scenario.ours ?? {};
    const again = scenario.again === undefined ? {} : AGAIN[scenario.again];
    expect(ours.outcome).toEqual({ ...instead, ...says, ...again });
    expect(ours.envelopes).toEqual(envelopes);
    if (envelopes.length === smtp.envelopes.length) expect(ours.texts).toEqual(smtp.texts);
  });
});
