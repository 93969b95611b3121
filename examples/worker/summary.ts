import type { TestServer } from "smtp-pipelining/testing";
import { number } from "../deliver/screen.ts";
import { message } from "./load.ts";
import type { Decided } from "./show.ts";
import type { Did } from "./worker.ts";

const COLUMNS = ["delivered", "partial", "rejected", "expired"] as const;

/** What came out of it, and whether it is as it should be: by the mail server's own log. */
export function summary(run: {
  readonly messages: number;
  readonly seconds: number;
  readonly did: readonly Did[];
  readonly decided: Decided;
  readonly server: TestServer;
}): { readonly lines: readonly string[]; readonly right: boolean } {
  const { messages, seconds, did, decided, server } = run;
  const arrived = new Map<string, number>();
  for (const address of server.messages.flatMap(({ to }) => to)) {
    arrived.set(address, (arrived.get(address) ?? 0) + 1);
  }
  const addresses = Array.from({ length: messages }, (_, i) => message(i))
    .flatMap(({ to }) => to as string[])
    .filter((address) => !address.startsWith("gone-"));
  const lost = addresses.filter((address) => !arrived.has(address)).length;
  const twice = [...arrived.values()].filter((times) => times > 1).length;
  const ended = did.flatMap(({ results }) => Object.values(results)).reduce((sum, n) => sum + n, 0);
  const { settled, released } = decided;
  return {
    lines: [
      "",
      `${number(messages)} messages in ${seconds.toFixed(1)} s`,
      "",
      row("", [...COLUMNS, "deferred", "held"]),
      ...did.map(({ results, deferred, held }, i) =>
        row(`worker ${i + 1}`, [...COLUMNS.map((result) => results[result]), deferred, held].map(number)),
      ),
      "",
      `Held, and looked up in the mail server's log: ${number(settled)} found there, ${number(released)} sent again`,
      `The mail server's log: ${number(addresses.length)} addresses to be reached, ${number(lost)} missing, ${number(twice)} twice`,
    ],
    right: lost === 0 && twice === 0 && ended === messages,
  };
}

function row(head: string, cells: readonly string[]): string {
  return `  ${head.padEnd(10)}${cells.map((cell) => cell.padStart(11)).join("")}`;
}
