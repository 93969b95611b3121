import { connect, type Socket } from "node:net";
import { BoundedPeerMemory, type Delivery, type Message, type SessionOptions } from "smtp-pipelining";
import { type PoolEventName, type PoolOptions, SmtpPool } from "smtp-pipelining/pool";
import type { TestServer } from "smtp-pipelining/testing";
import { expect, onTestFinished } from "vitest";

type Where = Pick<TestServer, "host" | "port">;

/** A message from news@example.org to b<n>@example.net. */
export function message(n: number, more: Partial<Message> = {}): Message {
  const data = `Subject: ${n}\r\n\r\nText ${n}.\r\n`;
  return { id: `m${n}`, from: "news@example.org", to: `b${n}@example.net`, data, ...more };
}

export function messages(from: number, to: number): Message[] {
  return Array.from({ length: to - from + 1 }, (_, i) => message(from + i));
}

/** A pool to one server, with a memory of its own and hardly any backoff. Destroyed when the test is over. */
export function poolTo({ host, port }: Where, options: PoolOptions = {}): SmtpPool {
  return tidied(new SmtpPool({ host, port, ...QUICK(), ...options }));
}

const QUICK = (): PoolOptions => ({ peers: new BoundedPeerMemory(), backoff: { first: 1, most: 5 } });

function tidied(pool: SmtpPool): SmtpPool {
  onTestFinished(() => pool.destroy());
  return pool;
}

/** Events as lines, in order: `recipientFailed m1 b1@example.net`. */
export function heard(pool: SmtpPool, ...names: PoolEventName[]): string[] {
  const log: string[] = [];
  for (const name of names) {
    pool.on(name, (event: object) => {
      const { messageId, address } = event as { readonly messageId?: string; readonly address?: string };
      log.push([name, messageId, address].filter((word) => word !== undefined).join(" "));
    });
  }
  return log;
}

/** Waits for an event. */
export function once<E extends PoolEventName>(
  pool: SmtpPool,
  name: E,
  fits: (event: { readonly sessionId: string; readonly messageId?: string }) => boolean = () => true,
): Promise<void> {
  return new Promise((resolve) => {
    pool.on(name, (event: { readonly sessionId: string; readonly messageId?: string }) => {
      if (fits(event)) resolve();
    });
  });
}

/** Whom a server accepted something for, in order of the addresses. */
export function taken(...servers: TestServer[]): string[] {
  return servers.flatMap((server) => server.messages.flatMap(({ to }) => to)).sort(inOrder);
}

function inOrder(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** The addresses of messages that {@link messages} made. */
export function addresses(from: number, to: number): string[] {
  return messages(from, to).map((each) => each.to as string);
}

/** What became of a message: `succeeded`, or `failed connection ESMTP_CONNECT`, for each recipient. */
export function fates({ recipients }: Delivery): string[] {
  return recipients.map((result) => {
    if (result.status === "succeeded") return "succeeded";
    const why = result.error?.code ?? ("reply" in result ? result.reply?.code : undefined);
    return [result.status, result.stage, why].join(" ");
  });
}

export async function all<T>(deliveries: AsyncIterable<Delivery<T>>): Promise<Delivery<T>[]> {
  const list: Delivery<T>[] = [];
  for await (const delivery of deliveries) list.push(delivery);
  return list;
}

/** Every message has one fate by its promise, and its events tell the same, each once, in order. */
export class Fates {
  readonly #events = new Map<string, string[]>();

  constructor(pool: SmtpPool) {
    for (const name of ["recipientSucceeded", "recipientFailed", "recipientUnknown"] as const) {
      pool.on(name, ({ messageId, address }: { readonly messageId: string; readonly address: string }) => {
        this.#of(messageId).push(`${address} ${name.slice("recipient".length).toLowerCase()}`);
      });
    }
    pool.on("messageEnd", ({ messageId }) => this.#of(messageId).push("end"));
  }

  /** Takes a message's promise. */
  expect(delivery: Delivery): void {
    const told = this.#events.get(delivery.id) ?? [];
    expect(told.at(-1), `the last of ${told.join()}`).toBe("end");
    const results = delivery.recipients.map(({ address, status }) => `${address} ${status}`);
    expect(told.slice(0, -1).sort()).toEqual(results.sort());
  }

  #of(messageId: string): string[] {
    const events = this.#events.get(messageId) ?? [];
    this.#events.set(messageId, events);
    return events;
  }
}

/** How many connections stood at once, at most; told by the sockets themselves. */
export function counted(): { readonly options: Pick<SessionOptions, "connectSocket">; peak(): number } {
  const sockets: Socket[] = [];
  let peak = 0;
  return {
    options: {
      connectSocket({ host, port }) {
        const socket = connect({ host, port });
        sockets.push(socket);
        peak = Math.max(peak, sockets.filter(({ destroyed }) => !destroyed).length);
        return socket;
      },
    },
    peak: () => peak,
  };
}
