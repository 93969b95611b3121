import type { Task } from "./arguments.ts";
import { build } from "./build.ts";
import { thisMachine, versions } from "./machine.ts";
import { measure } from "./measure.ts";
import { measureOwnLimits } from "./own-limits.ts";
import { startProcess } from "./process.ts";
import type { ProxyQuestions } from "./proxy/main.ts";
import { count } from "./report/columns.ts";
import { textTable } from "./report/table.ts";
import type { OwnLimits, Results, ScenarioResult } from "./results.ts";
import { scenarios } from "./scenarios.ts";
import type { SinkQuestions } from "./sink/main.ts";

function limitLines(limits: OwnLimits): string {
  const lines: readonly (readonly [number, string])[] = [
    [limits.data, "messages/s with DATA that the sink takes from a client that writes prebuilt octets"],
    [limits.chunking, "messages/s with BDAT"],
    [limits.proxy, "messages/s with DATA through the proxy"],
    [limits.oneAtATime, "messages/s with DATA, one round trip each, prebuilt octets"],
    [limits.stream, "MiB/s of one text"],
  ];
  return [
    ...lines.map(([value, text]) => `${count(value).padStart(9)}  ${text}`),
    `${limits.roundTrip.toFixed(1).padStart(9)}  ms that a round trip of 50 ms takes`,
  ].join("\n");
}

/** Measures what is asked for, and tells table by table. */
export async function run(
  task: Extract<Task, { kind: "measure" }>,
  out: (text: string) => void,
  progress: (text: string) => void,
): Promise<Results> {
  const { names, only, quick, rounds } = task;
  progress("compiling");
  const compiled = build();
  const sink = startProcess<SinkQuestions>(compiled.file("sink/main"));
  const proxy = startProcess<ProxyQuestions>(compiled.file("proxy/main"));
  const servers = { sink, proxy };
  try {
    progress("the bench's own limits");
    const limits = await measureOwnLimits({ build: compiled, servers, rounds, quick });
    out(`=== the bench's own limits\n${limitLines(limits)}\n`);
    const results: ScenarioResult[] = [];
    for (const scenario of scenarios(quick)) {
      const entries = scenario.entries.filter(({ variant }) => only.includes(variant));
      if (!names.includes(scenario.name) || entries.length === 0) continue;
      const result = await measure({ ...scenario, entries }, { build: compiled, servers, rounds, progress });
      results.push(result);
      out(`=== ${scenario.name}: ${scenario.title}\n${textTable(result, scenario.columns)}\n`);
    }
    const measuredAt = new Date().toISOString();
    return { measuredAt, machine: thisMachine(), versions: versions(), limits, scenarios: results };
  } finally {
    sink.close();
    proxy.close();
  }
}
