import { createSecureContext } from "node:tls";
import {
  BoundedPeerMemory,
  type Delivery,
  type Message,
  type RecipientResult,
  SmtpSession,
  type Timeouts,
} from "smtp-pipelining";
import {
  type Answer,
  createTestServer,
  TEST_CERTIFICATE,
  type TestServer,
  type TestServerOptions,
} from "smtp-pipelining/testing";
import type { Mode } from "./mode.ts";

/** Three messages: a dot to be stuffed, a recipient who is refused, and a plain one. */
const MESSAGES: readonly Message[] = [
  { id: "m1", from: "a1@x.org", to: "b1@x.net", data: ".1\r\n" },
  { id: "m2", from: "a2@x.org", to: ["b2@x.net", "no@x.net"], data: "RSET\r\n2\r\n" },
  { id: "m3", from: "a3@x.org", to: "b3@x.net", data: "3\r\n" },
];

/** Made once: it takes as long as the rest of a conversation. */
const TRUST = createSecureContext({ ca: TEST_CERTIFICATE });

/** Longer than anything takes: what did not happen by then does not happen. */
const PATIENCE = 20_000;

export interface Case {
  readonly name: string;
  readonly faults?: TestServerOptions["faults"];
  readonly answer?: Answer;
  readonly flaws?: TestServerOptions["flaws"];
  /** Whether the session is to give up soon: where the server falls silent. */
  readonly hasty?: boolean;
}

export interface Outcome {
  readonly results: readonly RecipientResult[];
  /** What the session said that is not true, and what it left open. */
  readonly problems: readonly string[];
  readonly server: TestServer;
}

const SOON = 60;

/** Tens of milliseconds in place of seconds: what a session waits for that does not believe its server any more. */
const SUSPICIOUS: Partial<Timeouts> = { followOn: SOON, probe: SOON, closing: SOON };

/** Tens of milliseconds in place of minutes. */
const HASTY: Partial<Timeouts> = {
  ...SUSPICIOUS,
  greeting: SOON,
  command: SOON,
  mail: SOON,
  rcpt: SOON,
  data: SOON,
  text: SOON,
  message: SOON,
};

/**
 * Sends the three messages through one session to a server with a fault, and compares what both say.
 * @param way through what the session connects: makes a port of the server's
 */
export async function run(mode: Mode, tls: boolean, given: Case): Promise<Outcome> {
  await using server = await createTestServer({
    protocol: mode.session.protocol ?? "smtp",
    extensions: mode.extensions,
    tls: tls ? "starttls" : "off",
    replies: (command) =>
      given.answer?.(command) ?? (command.line.startsWith("RCPT TO:<no@") ? "550 5.1.1 nobody" : undefined),
    ...(given.faults !== undefined && { faults: given.faults }),
    flaws: { ...mode.flaws, ...given.flaws },
  });
  const session = new SmtpSession({
    host: server.host,
    port: server.port,
    name: "c.org",
    peers: new BoundedPeerMemory(),
    tls: tls ? "required" : "off",
    ...(tls && { tlsOptions: { secureContext: TRUST } }),
    ...mode.session,
    timeouts: given.hasty === true ? HASTY : SUSPICIOUS,
  });
  const told: string[] = [];
  session.on("recipientSucceeded", ({ address }) => told.push(`${address} succeeded`));
  session.on("recipientFailed", ({ address }) => told.push(`${address} failed`));
  session.on("recipientUnknown", ({ address }) => told.push(`${address} unknown`));

  const ended = new Set<string | undefined>();
  session.on("sent", ({ line, messageId }) => {
    if (line === "." || line.endsWith(" LAST")) ended.add(messageId);
  });

  const problems: string[] = [];
  const deliveries: Delivery[] = [];
  const done = Promise.all(
    MESSAGES.map(async (message) => {
      deliveries.push(await session.pipeline(message));
    }),
  ).then(() => session.quit());
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      problems.push("it does not end");
      session.destroy();
      resolve();
    }, PATIENCE);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
  if (problems.length === 0) await server.disconnected();

  for (const { id, unknown } of deliveries) {
    if (unknown.length > 0 && !ended.has(id)) problems.push(`${id} is unknown, and its text was not ended`);
  }
  const results = deliveries.flatMap(({ recipients }) => recipients);
  if (session.pending !== 0 || session.state !== "closed") {
    problems.push(`${session.pending} pending, ${session.state}`);
  }
  const fates = results.map(({ address, status }) => `${address} ${status}`);
  if (told.toSorted().join() !== fates.toSorted().join()) {
    problems.push(`told ${told.join(", ")} of ${fates.join(", ")}`);
  }
  problems.push(...MESSAGES.flatMap((message) => compare(message, results, server)));
  return { results, problems, server };
}

/** What is said of one message, and what the server knows of it. */
function compare(
  { from, to, data }: Message,
  results: readonly RecipientResult[],
  server: TestServer,
): string[] {
  const problems: string[] = [];
  for (const address of [to].flat().map(String)) {
    const own = results.filter((result) => result.address === address);
    const accepted = server.messages.filter((each) => each.to.includes(address));
    if (own.length !== 1) problems.push(`${address} has ${own.length} results`);
    if (accepted.length > 1) problems.push(`${address} got it ${accepted.length} times`);
    for (const message of accepted) {
      if (message.from !== from) problems.push(`${address} got it from ${message.from}`);
      if (message.text !== data) problems.push(`${address} got ${JSON.stringify(message.text)}`);
    }
    for (const result of own) {
      const { status, stage } = result;
      if (status === "succeeded" && accepted.length === 0)
        problems.push(`${address} succeeded, not accepted`);
      if (status === "failed" && accepted.length > 0) {
        problems.push(`${address} failed (${stage}, retryable ${result.retryable}), accepted`);
      }
    }
  }
  return problems;
}
