// Draws the dashboard without Grafana: the answers are a real Prometheus's, to the queries of the committed file,
// while it scraped examples/scrape and examples/worker (which needs redis-server). Writes grafana/picture.png.
import { fileURLToPath } from "node:url";
import { ask } from "./answers.ts";
import { readDashboards } from "./dashboard.ts";
import { startExample } from "./example.ts";
import { page, WIDTH } from "./page.ts";
import { photograph } from "./photograph.ts";
import { startPrometheus } from "./prometheus.ts";

const PICTURE: string = fileURLToPath(new URL("../picture.png", import.meta.url));

/** How long mail is sent, and of that not shown, because rates look so far back. */
const SECONDS = 75;
const LOOK_BACK = 15;
/** As many as two workers have delivered by then, about. */
const QUEUED = 40_000;
/** Seconds between two points of a line: every second's would make the file a tenth larger. */
const STEP = 2;

const [dashboard] = readDashboards();
if (dashboard === undefined) throw new Error("no dashboard in grafana/dashboards: npm run grafana makes it");

console.log(`Sending mail for ${SECONDS} s`);
const example = await startExample(["--seconds", String(SECONDS), "--linger", "60"]);
const queue = await startExample(["--messages", String(QUEUED), "--linger", "60"], "worker");
const prometheus = await startPrometheus({ targets: [example, queue].map(({ url }) => new URL(url).host) });
try {
  const [up] = await prometheus.until(
    () => prometheus.query("timestamp(smtp_client_build_info)"),
    (answer) => answer.length > 0,
  );
  const start = Math.ceil(Number(up?.value[1])) + LOOK_BACK;
  await example.line("Summary");
  const range = { start, end: Math.floor(Date.now() / 1_000) - 1, step: STEP };
  const { html, height } = page(dashboard, await ask(prometheus, dashboard, range), range);
  await photograph(html, { width: WIDTH, height }, PICTURE);
  console.log(`${PICTURE}: ${WIDTH} x ${height}`);
} finally {
  for (const each of [example, queue]) each.interrupt();
  await Promise.all([prometheus.close(), example.ended, queue.ended]);
}
