import { writeFileSync } from "node:fs";
import { makeFiles } from "./source/dashboard.ts";

for (const [name, text] of makeFiles()) {
  writeFileSync(new URL(`./dashboards/${name}`, import.meta.url), text);
  console.log(`grafana/dashboards/${name}`);
}
