import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  type DataSourceRef,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeSeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** The datasource that the reader chose: no uid of one installation is in the dashboard. */
export const DATASOURCE: DataSourceRef = {
  type: "prometheus",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
  uid: "${datasource}",
};

/** A query of a panel. */
export interface Query {
  readonly expr: string;
  /** The name of its series; labels in double braces. */
  readonly legend: string;
  /** Shows exemplars, which lead to traces, where the scrape has them. Default false. */
  readonly exemplar?: boolean;
}

/** What all panels have. */
interface PanelFacts {
  readonly title: string;
  /** What it shows, and what to make of it. */
  readonly description: string;
  /** Grafana's id of a unit. */
  readonly unit: string;
  /** Of the 24 columns. */
  readonly width: number;
  readonly queries: readonly Query[];
}

/** Lines over time. */
export interface Chart extends PanelFacts {
  readonly kind: "chart";
  /** Areas on top of each other: where the sum means something. Default false. */
  readonly stacked?: boolean;
  /** Colours of series by their names. */
  readonly colours?: Readonly<Record<string, string>>;
  /** The top of the axis, where it is known: 1 for shares. */
  readonly max?: number;
}

/** One large number, or one per series. */
interface Stat extends PanelFacts {
  readonly kind: "stat";
  /** Colours from values upwards; the first has null. Default: one colour. */
  readonly thresholds?: readonly Threshold[];
  /** What stands there without a value. */
  readonly noValue: string;
  /** Shows the names of series and their values. Default: the value. */
  readonly named?: boolean;
}

export type Panel = Chart | Stat;

const STAT_HEIGHT = 5;
const CHART_HEIGHT = 8;

/** The dashboard's panel. @param id unique in the dashboard, and kept: links to one panel hold it */
export function toBuilder(panel: Panel, id: number): StatBuilder | TimeSeriesBuilder {
  const builder = panel.kind === "stat" ? stat(panel) : chart(panel);
  builder
    .id(id)
    .title(panel.title)
    .description(panel.description)
    .unit(panel.unit)
    .datasource(DATASOURCE)
    .span(panel.width);
  for (const [index, query] of panel.queries.entries()) builder.withTarget(target(query, index));
  return builder;
}

function stat({ thresholds, noValue, named = false }: Stat): StatBuilder {
  const builder = new StatBuilder()
    .height(STAT_HEIGHT)
    .noValue(noValue)
    .graphMode(named ? BigValueGraphMode.None : BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .textMode(named ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
  const steps = [...(thresholds ?? [{ value: null, color: "blue" }])];
  return builder.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps));
}

function chart({ stacked = false, colours = {}, max }: Chart): TimeSeriesBuilder {
  const builder = new TimeSeriesBuilder()
    .height(CHART_HEIGHT)
    .min(0)
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .showPoints(VisibilityMode.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(["max", "lastNotNull"])
        // Series at zero are many, and kept: those that matter stand on top.
        .sortBy("Max")
        .sortDesc(true),
    )
    .tooltip(
      new VizTooltipOptionsBuilder()
        .mode(TooltipDisplayMode.Multi)
        .sort(SortOrder.Descending)
        .hideZeros(true),
    );
  if (max !== undefined) builder.max(max);
  if (stacked) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  for (const [name, fixedColor] of Object.entries(colours)) {
    builder.overrideByName(name, [{ id: "color", value: { mode: "fixed", fixedColor } }]);
  }
  return builder;
}

function target({ expr, legend, exemplar }: Query, index: number): DataqueryBuilder {
  const builder = new DataqueryBuilder()
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .datasource(DATASOURCE)
    .expr(expr)
    .legendFormat(legend)
    .range();
  return exemplar === true ? builder.exemplar(true) : builder;
}
