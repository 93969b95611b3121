import type { Delivery, Message } from "smtp-pipelining";
import { startEmbeddedServer } from "../deliver/embedded-server.ts";
import { startLatencyProxy } from "../deliver/latency.ts";
import { count } from "../deliver/screen.ts";

/** How far away the server stands: milliseconds there and back. */
export const ROUND_TRIP = 40;

const NEWSLETTER = "newsletter@example.org";
/** The server refuses the texts of this sender. */
const OFFERS = "offers@example.org";
/** The server does not know this recipient. */
const GONE = "gone@example.net";

/** One recipient of the second is refused, and the fourth is refused whole. */
export const LETTERS: readonly Message[] = [
  letter("letter-1", NEWSLETTER, ["anna@example.net"]),
  letter("letter-2", NEWSLETTER, ["ben@example.net", GONE, "carla@example.net"]),
  letter("letter-3", NEWSLETTER, ["dora@example.net", "emil@example.net"]),
  letter("offer-4", OFFERS, ["anna@example.net"]),
  letter("letter-5", NEWSLETTER, ["fritz@example.net"]),
  letter("letter-6", NEWSLETTER, ["gerda@example.net", "hans@example.net"]),
];

function letter(id: string, from: string, to: readonly string[]): Message {
  return { id, from, to, data: `From: ${from}\nSubject: News\n\nThis is ${id}.\n` };
}

export interface DistantServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A server of our own, behind a path of {@link ROUND_TRIP}. */
export async function startDistantServer(): Promise<DistantServer> {
  const server = await startEmbeddedServer({
    refusal: (address) => (address === GONE ? { code: 550, text: "No such user here" } : undefined),
    smtp: {
      onData: (text, { envelope: { mailFrom } }, callback) => {
        const refused = mailFrom !== false && mailFrom.address === OFFERS;
        text.on("end", () => callback(refused ? contentRefused() : undefined)).resume();
      },
    },
  });
  const proxy = await startLatencyProxy(server, ROUND_TRIP / 2);
  return {
    url: `smtp://${proxy.host}:${proxy.port}`,
    close: async () => {
      await proxy.close();
      await server.close();
    },
  };
}

function contentRefused(): Error {
  return Object.assign(new Error("Nobody wants this"), { responseCode: 554 });
}

/** What became of the recipients of all messages, in one line. */
export function fates(deliveries: readonly Delivery[]): string {
  const sum = (status: "succeeded" | "failed" | "unknown"): number =>
    deliveries.reduce((total, delivery) => total + delivery[status].length, 0);
  return `${count(sum("succeeded"), "recipient")} succeeded, ${sum("failed")} failed, ${sum("unknown")} unknown`;
}
