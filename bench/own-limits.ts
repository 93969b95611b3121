import type { Build } from "./build.ts";
import type { LimitsQuestions } from "./limits/main.ts";
import type { Servers } from "./measure.ts";
import { startProcess } from "./process.ts";
import type { OwnLimits } from "./results.ts";
import { median } from "./statistics.ts";

const SIZE = 4_096;

/** Measures what the sink and the proxy can do themselves: medians of the rounds. */
export async function measureOwnLimits(options: {
  readonly build: Build;
  readonly servers: Servers;
  readonly rounds: number;
  readonly quick: boolean;
}): Promise<OwnLimits> {
  const { build, servers, rounds, quick } = options;
  const client = startProcess<LimitsQuestions>(build.file("limits/main"));
  const messages = quick ? 1_000 : 50_000;
  const few = quick ? 100 : 10_000;
  const large = quick ? 8_388_608 : 268_435_456;

  // Round 0 warms up.
  const middle = async (task: (port: number) => Promise<number>, roundTrip?: number): Promise<number> => {
    const values: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const target = await servers.sink.ask("open");
      const through = roundTrip === undefined ? target : await servers.proxy.ask("open", target, roundTrip);
      const value = await task(through);
      if (round > 0) values.push(value);
      await servers.sink.ask("close", target);
      if (through !== target) await servers.proxy.ask("close", through);
    }
    return median(values);
  };
  const rate = (count: number, milliseconds: number): number => (count / milliseconds) * 1_000;
  const push = (port: number, verb: "DATA" | "BDAT"): Promise<number> =>
    client.ask("push", port, messages, SIZE, verb);
  try {
    return {
      data: rate(messages, await middle((port) => push(port, "DATA"))),
      chunking: rate(messages, await middle((port) => push(port, "BDAT"))),
      proxy: rate(messages, await middle((port) => push(port, "DATA"), 50)),
      oneAtATime: rate(few, await middle((port) => client.ask("oneAtATime", port, few, SIZE))),
      roundTrip: await middle((port) => client.ask("roundTrip", port, quick ? 2 : 20), 50),
      stream: rate(large / 1_048_576, await middle((port) => client.ask("push", port, 1, large, "DATA"))),
    };
  } finally {
    client.close();
  }
}
