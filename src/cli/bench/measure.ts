import type { Delivery, Message, SessionOptions } from "../../index.ts";
import { SmtpPool } from "../../pool/index.ts";
import type { Way, WayReport } from "./report.ts";

/** Messages ahead of what is measured: connections are made, and it shows whether the server bears bursts. */
const WARM_UP = 8;

/** What is measured, and how far it may go. */
export interface Measure {
  readonly session: SessionOptions;
  readonly connections: number;
  readonly messages: number;
  /** Milliseconds after which no message is begun any more; what is on the wire then is waited for, and counts. */
  readonly time: number;
  /** Makes a message. */
  readonly message: () => Message;
  /** Told of every message that is taken. */
  readonly taken: () => void;
  /** Ends it: what was measured until then counts. */
  readonly signal: AbortSignal;
}

const MODES: Readonly<Record<Way, Pick<SessionOptions, "pipelining" | "chunking">>> = {
  "lock-step": { pipelining: "off", chunking: "off" },
  DATA: { pipelining: "auto", chunking: "off" },
  CHUNKING: { pipelining: "auto", chunking: "auto" },
};

/** Measures one way to send. Rejects if there is no session. */
export async function measure(way: Way, options: Measure): Promise<Omit<WayReport, "timesLockStep">> {
  const { session, connections, messages, time, message, taken, signal } = options;
  const pool = new SmtpPool({ ...session, ...MODES[way], connections });
  let ok = 0;
  let failed = 0;
  let reason: string | undefined;
  const count = (delivery: Delivery): void => {
    if (delivery.ok) {
      ok++;
      taken();
    } else if (delivery.failed.every(({ stage }) => stage !== "aborted")) {
      failed++;
      reason ??= reasonOf(delivery);
    }
  };
  const send = async (number: number, until: AbortSignal): Promise<void> => {
    try {
      for await (const delivery of pool.deliver(several(number, message), { signal: until })) count(delivery);
    } catch (error) {
      if (!until.aborted) throw error;
    }
  };
  try {
    await pool.connect({ signal });
    await send(WARM_UP * connections, signal);
    // Who refuses the first ones would refuse all.
    if (ok === 0) return { way, messages: 0, failed, seconds: 0, messagesPerSecond: 0, ...why(reason) };
    ok = 0;
    const start = performance.now();
    await send(messages, AbortSignal.any([signal, AbortSignal.timeout(time)]));
    const seconds = (performance.now() - start) / 1_000;
    return { way, messages: ok, failed, seconds, messagesPerSecond: ok / seconds, ...why(reason) };
  } finally {
    if (signal.aborted) pool.destroy();
    else await pool.quit();
  }
}

function* several(messages: number, message: () => Message): Generator<Message> {
  for (let n = 0; n < messages; n++) yield message();
}

function why(reason: string | undefined): { readonly reason?: string } {
  return reason === undefined ? {} : { reason };
}

function reasonOf({ recipients }: Delivery): string | undefined {
  const result = recipients.find(({ status }) => status !== "succeeded");
  if (result === undefined || result.status === "succeeded") return undefined;
  if ("reply" in result && result.reply !== undefined) return `${result.reply.code} ${result.reply.text}`;
  return result.error?.message;
}
