/**
 * Pictures of routing and training, of a run or of plain number arrays; nothing heavy is loaded before a PNG is drawn.
 */
export type { NumberList } from "./arguments.js";
export { type BalanceData, type BalanceOptions, type BalanceOverSteps, balance } from "./balance.js";
export { type BalanceMeasures, balanceMeasures } from "./balanceMeasures.js";
export { type CoactivationData, type CoactivationOptions, coactivation } from "./coactivation.js";
export type { Reference, Series, SmoothedSeries } from "./curves.js";
export { type LiveTrainingOptions, liveTraining } from "./liveTraining.js";
export { type LoadMapData, type LoadMapOptions, loadMap } from "./loadMap.js";
export { type LossCurveData, type LossCurveOptions, lossCurve } from "./lossCurve.js";
export { Picture, type VegaLiteSpec } from "./picture.js";
export type { RoutingSelection, RoutingSource, RoutingTablesLike } from "./recordedRouting.js";
export { type RoutingData, routing } from "./routing.js";
export { type TokenRibbonData, type TokenRibbonOptions, tokenRibbon } from "./tokenRibbon.js";
