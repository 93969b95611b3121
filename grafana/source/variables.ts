import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { METRICS } from "./metrics.ts";
import { DATASOURCE } from "./panel.ts";

const ALL = { text: ["All"], value: ["$__all"] };

/** On top of the dashboard: which Prometheus, then which job, instances and clients in it. */
export function variables(): { build(): VariableModel }[] {
  return [
    new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    labelVariable("job", "Job", ""),
    labelVariable("instance", "Instance", '{job=~"$job"}'),
    labelVariable("client", "Client", '{job=~"$job", instance=~"$instance"}'),
  ];
}

/** Its values are those of a label of the one metric that every client always has. */
function labelVariable(name: string, label: string, selector: string): QueryVariableBuilder {
  const query = `label_values(${METRICS.buildInfo}${selector}, ${name})`;
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current(ALL);
}
