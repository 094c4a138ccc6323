/** Routing at a glance: what a run's gates did, in one picture. */
import { vegaLiteSpec } from "./appearance.js";
import { type BalanceData, balance } from "./balance.js";
import { type CoactivationData, coactivation } from "./coactivation.js";
import { type LoadMapData, loadMap } from "./loadMap.js";
import { Picture, type VegaLiteSpec } from "./picture.js";
import type { RoutingSelection, RoutingSource } from "./recordedRouting.js";

export interface RoutingData {
  load: LoadMapData;
  balance: BalanceData;
  /** Left out with one expert per token, where nothing is activated together. */
  coactivation?: CoactivationData;
}

/**
 * The load map of the last steps, balance over all of them, and co-activation, one below the other.
 * @param source a run, or tables of routing
 * @throws when nothing was recorded yet
 */
export function routing(source: RoutingSource, selection: RoutingSelection = {}): Picture<RoutingData> {
  const { title = "Routing", ...part } = selection;
  const load = loadMap(source, part);
  const overSteps = balance(source, part);
  const together = load.data.topK > 1 ? coactivation(source, part) : undefined;
  const pictures = [load, overSteps, ...(together ? [together] : [])];
  return new Picture({
    data: {
      load: load.data,
      balance: overSteps.data,
      ...(together ? { coactivation: together.data } : {}),
    },
    spec: below(
      title,
      pictures.map(({ spec }) => spec),
    ),
    text: pictures.map(({ text }) => text).join("\n\n"),
  });
}

/** One specification of several: what only the outermost may have is taken out of them. */
function below(title: string, specs: VegaLiteSpec[]): VegaLiteSpec {
  const params = specs.flatMap((spec) => (spec.params as unknown[] | undefined) ?? []);
  const views = specs.map(({ $schema, background, padding, config, params: _, ...view }) => view);
  const independent = { scale: { color: "independent" }, legend: { color: "independent" } };
  return vegaLiteSpec({ title }, { params, vconcat: views, spacing: 24, resolve: independent });
}
