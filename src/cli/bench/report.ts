import { count, counted, milliseconds, octets, rate } from "../output/amounts.ts";

/** How messages go out: the slowest first. */
export type Way = "lock-step" | "DATA" | "CHUNKING";

/** What was measured of one way. */
export interface WayReport {
  readonly way: Way;
  /** Messages of which every recipient succeeded. */
  readonly messages: number;
  /** Messages of which one did not. */
  readonly failed: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  /** How many times that of lock-step it is; missing where that was not measured. */
  readonly timesLockStep?: number;
  /** Why the first that failed did. */
  readonly reason?: string;
}

/** What `bench` found out. */
export interface BenchReport {
  readonly server: string;
  /** The shortest of five NOOPs. */
  readonly roundTripMs: number;
  readonly pipelining: boolean;
  readonly chunking: boolean;
  readonly connections: number;
  /** Octets of each text. */
  readonly size: number;
  readonly ways: readonly WayReport[];
}

/** A report for people. */
export function print({
  server,
  roundTripMs,
  pipelining,
  chunking,
  connections,
  size,
  ways,
}: BenchReport): string {
  const offered = [...(pipelining ? ["PIPELINING"] : []), ...(chunking ? ["CHUNKING"] : [])];
  const lines = [
    `${server}: a round trip of ${milliseconds(roundTripMs)}; it offers ${offered.join(" and ") || "neither PIPELINING nor CHUNKING"}`,
  ];
  if (ways.length === 0) {
    return `${[...lines, "No message was sent: write --to ADDRESS for one that throws its mail away."].join("\n")}\n`;
  }
  lines.push(`texts of ${octets(size)}, ${counted(connections, "connection")}`, "");
  for (const { way, messages, seconds, messagesPerSecond, timesLockStep, failed, reason } of ways) {
    const times = timesLockStep === undefined ? "" : `${timesLockStep.toFixed(1)} x`.padStart(9);
    const speed = `${rate(messagesPerSecond)}/s`.padStart(11);
    lines.push(
      `${way.padEnd(10)}${speed}${times.padEnd(9)}   ${counted(messages, "message")} in ${seconds.toFixed(1)} s`,
    );
    if (failed > 0) lines.push(`          ${count(failed)} not taken: ${reason}`);
  }
  return `${lines.join("\n")}\n`;
}
