import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds between two looks. */
const LOOK = 100;

/** A value at a time: Unix seconds, and a number in text, as Prometheus writes it. */
export type Sample = readonly [time: number, value: string];

/** A series of an instant query's answer. */
export interface InstantSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: Sample;
}

/** A series of a range query's answer. */
export interface RangeSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly Sample[];
}

/** From when to when: Unix seconds. */
export interface Range {
  readonly start: number;
  readonly end: number;
  /** Seconds between two values. Default 1. */
  readonly step?: number;
}

/** An alert as Prometheus has loaded it. */
export interface LoadedAlert {
  readonly name: string;
  readonly query: string;
  /** `ok`, `err`, or `unknown` before its first evaluation. */
  readonly health: string;
  readonly lastError?: string;
}

export interface PrometheusOptions {
  /** `host:port` of each thing that it scrapes, each second. */
  readonly targets: readonly string[];
  /** Files of alert rules. */
  readonly rules?: readonly string[];
}

/** A Prometheus in a process of its own. */
export interface Prometheus {
  query(expr: string): Promise<readonly InstantSeries[]>;
  queryRange(expr: string, range: Range): Promise<readonly RangeSeries[]>;
  alerts(): Promise<readonly LoadedAlert[]>;
  /** Asks until an answer fits, and returns it. Rejects after 30 seconds. */
  until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T>;
  /** Ends it, and removes its data. */
  close(): Promise<void>;
}

/** Starts the `prometheus` of the PATH on a free port. Fulfils when it is ready. */
export async function startPrometheus({ targets, rules = [] }: PrometheusOptions): Promise<Prometheus> {
  const directory = await mkdtemp(join(tmpdir(), "smtp-pipelining-prometheus-"));
  const file = join(directory, "prometheus.yml");
  const configuration = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: rules,
    scrape_configs: [{ job_name: "example", static_configs: [{ targets }] }],
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(configuration));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    "prometheus",
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const over = outcome(child);
  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await over;
    await rm(directory, { recursive: true });
  };
  const get = async <T>(path: string, parameters: Record<string, string> = {}): Promise<T> => {
    const response = await fetch(`http://${address}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== "success") throw new Error(`${answer.error}: ${JSON.stringify(parameters)}`);
    return answer.data;
  };
  try {
    const isReady = fetchUntilReady(`http://${address}/-/ready`);
    await Promise.race([isReady, over.then((why) => Promise.reject(new Error(why)))]);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    query: async (expr) => (await get<{ result: InstantSeries[] }>("query", { query: expr })).result,
    queryRange: async (expr, { start, end, step = 1 }) => {
      const parameters = { query: expr, start: String(start), end: String(end), step: String(step) };
      return (await get<{ result: RangeSeries[] }>("query_range", parameters)).result;
    },
    alerts: async () =>
      (await get<{ groups: { rules: LoadedAlert[] }[] }>("rules", { type: "alert" })).groups.flatMap(
        (group) => group.rules,
      ),
    until,
    close,
  };
}

async function fetchUntilReady(url: string): Promise<void> {
  await until(
    () => fetch(url).catch(() => undefined), // not listening yet
    (response) => response?.status === 200,
  );
}

async function until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after 30 s`);
    await delay(LOOK);
  }
}

/** Fulfils when a process has ended, or can't be started, with what it said last. */
function outcome(child: ChildProcess): Promise<string> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2_000);
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`prometheus can't be started: ${error.message}`));
    child.once("close", (status) => resolve(`prometheus ended with ${status}: ${said}`));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
