import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { onTestFinished } from "vitest";

/** Turns of the event loop without a further octet: then the client waits. */
const TURNS = 6;

/** A server that answers only when the client waits for it, all at once; and counts how often that was. */
export interface CountingServer {
  readonly port: number;
  /** How often the client had to wait, the greeting included. */
  readonly roundTrips: number;
  /** The texts that came, dot-stuffing undone. */
  readonly texts: readonly string[];
}

/** Says PIPELINING unless told otherwise. */
export async function startCountingServer(...extensions: readonly string[]): Promise<CountingServer> {
  const texts: string[] = [];
  let roundTrips = 0;
  const converse = (socket: Socket): void => {
    let input = "";
    let heard = 0;
    let text: string[] | undefined;
    let owed = "220 counting.example\r\n";

    const line = (each: string): string => {
      if (text !== undefined) {
        if (each !== ".") {
          text.push(each.replace(/^\./, ""));
          return "";
        }
        texts.push(text.join("\n"));
        text = undefined;
        return "250 queued\r\n";
      }
      if (each === "DATA") text = [];
      if (each.startsWith("EHLO ")) return `250-counting.example\r\n250 ${extensions.join("\r\n250 ")}\r\n`;
      return each === "DATA" ? "354 go on\r\n" : "250 ok\r\n";
    };
    const answer = async (): Promise<void> => {
      const now = ++heard;
      for (let i = 0; i < TURNS; i++) await nextTurn();
      if (now !== heard || owed === "") return;
      roundTrips++;
      socket.write(owed);
      owed = "";
    };

    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("data", (octets) => {
      input += octets.toString("latin1");
      const lines = input.split("\r\n");
      input = lines.pop() ?? "";
      for (const each of lines) owed += line(each);
      void answer();
    });
    void answer();
  };

  const server = createServer(converse);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return {
    port: (server.address() as AddressInfo).port,
    get roundTrips() {
      return roundTrips;
    },
    texts,
  };
}
