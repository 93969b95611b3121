import * as prometheus from "prom-client";
import { type Message, type SessionEventName, SmtpSession } from "smtp-pipelining";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachTracing } from "smtp-pipelining/tracing";
import { legend, median, sideBySide, table, type Variant } from "./side-by-side.ts";
import { startSink } from "./start-sink.ts";

// What watching costs: the same messages over sessions that nobody listens to, that somebody listens to for every
// event, and that have metrics, or metrics and tracing without an SDK, attached.

const MESSAGES = 20_000;
const ROUNDS = 7;
const TEXT: Uint8Array = Buffer.from(`Subject: bench\r\n\r\n${"All work and no play.\r\n".repeat(44)}`);

const EVENTS: Readonly<Record<SessionEventName, true>> = {
  connecting: true,
  connect: true,
  ready: true,
  messageQueued: true,
  messageStart: true,
  sent: true,
  reply: true,
  recipientAccepted: true,
  recipientSucceeded: true,
  recipientFailed: true,
  recipientUnknown: true,
  messageEnd: true,
  groupStart: true,
  groupEnd: true,
  drain: true,
  warning: true,
  error: true,
  close: true,
};

function* messages(): Generator<Message, void, undefined> {
  for (let i = 0; i < MESSAGES; i++) {
    yield { from: "from@example.org", to: `to-${i}@example.net`, data: TEXT };
  }
}

/** @returns whether watching costs no more than it may */
export async function observability(
  out: (text: string) => void,
  progress: (text: string) => void,
): Promise<boolean> {
  const sink = await startSink();
  const variant = (name: string, watch: (session: SmtpSession) => void): Variant => ({
    name,
    run: async () => {
      const session = new SmtpSession({ host: "127.0.0.1", port: sink.port });
      watch(session);
      await session.connect();
      for await (const { ok, error } of session.deliver(messages())) {
        if (!ok) throw error ?? new Error("The sink refused a message");
      }
      await session.quit();
    },
  });

  let heard = 0;
  const variants = [
    variant("no listener", () => undefined),
    variant("every event", (session) => {
      for (const event of Object.keys(EVENTS) as SessionEventName[]) {
        session.on(event, () => {
          heard++;
        });
      }
    }),
    variant("metrics", (session) => attachMetrics(session, { prometheus })),
    variant("metrics and tracing, no SDK", (session) => {
      attachMetrics(session, { prometheus });
      attachTracing(session);
    }),
  ];
  const measured = await sideBySide(variants, { rounds: ROUNDS, items: MESSAGES, progress });
  sink.close();

  const kib = (TEXT.length / 1_024).toFixed(1);
  out(
    `${MESSAGES.toLocaleString("en")} messages of ${kib} KiB with one recipient a round, ${ROUNDS} rounds, loopback\n`,
  );
  out(table(measured, "message"));
  out(`\n${legend("no listener", "message")}\n`);
  out(`(${heard.toLocaleString("en")} events were heard)\n`);

  const floors: readonly (readonly [name: string, floor: number])[] = [
    ["metrics", 0.7],
    ["metrics and tracing, no SDK", 0.6],
  ];
  return floors
    .map(([name, floor]) => {
      const ratio = median(measured.find((each) => each.name === name)?.ratios ?? []);
      out(
        `${name}: ${Math.round(ratio * 100)} % of no listener, at least ${floor * 100} % asked: ${ratio >= floor ? "yes" : "NO"}`,
      );
      return ratio >= floor;
    })
    .every(Boolean);
}
