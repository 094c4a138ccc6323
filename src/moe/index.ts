/** Mixture-of-experts layers: gates, experts, losses, routing. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export {
  type AuxLossNormalisation,
  type AuxLossOptions,
  auxLossNormalisations,
  type BalanceTerms,
  importance,
  loadBalancingLoss,
  pooledLoadBalancingLoss,
  squaredVariation,
  zLoss,
} from "./auxLoss.js";
export { type CapacityOptions, type DropPolicy, dropPolicies } from "./capacity.js";
export { ResidualBranch, SharedExpert, type SharedExpertOptions } from "./denseBranch.js";
export { type Dispatch, type DispatchOptions, dispatch, permute, unpermute } from "./dispatch.js";
export { Experts } from "./experts.js";
export { type DeepSpeedMoEOptions, fromDeepSpeed } from "./fromDeepSpeed.js";
export { fromPaddle, type PaddleGateOptions, type PaddleMoELayerOptions } from "./fromPaddle.js";
export {
  type DispatchRequest,
  type FusedGateOptions,
  type FusedRouting,
  fusedGate,
} from "./fusedGate.js";
export {
  Gate,
  type GateMaker,
  type GateOutput,
  type GateSizes,
  type RoutingLoss,
  type TopKOptions,
  topK,
} from "./gate.js";
export { CosineGate, type CosineGateOptions, cosineGate } from "./gates/cosineGate.js";
export {
  DeepSpeedGate,
  type DeepSpeedGateOptions,
  deepSpeedGate,
  type NoisyGatePolicy,
} from "./gates/deepSpeedGate.js";
export {
  ExpertChoiceGate,
  type ExpertChoiceGateOptions,
  expertChoiceGate,
} from "./gates/expertChoiceGate.js";
export {
  GShardGate,
  type GShardGateOptions,
  glam,
  gshard,
  type SecondExpertPolicy,
} from "./gates/gshardGate.js";
export { HashGate, hashGate } from "./gates/hashGate.js";
export { LinearGate } from "./gates/linearGate.js";
export { NoisyTopKGate, type NoisyTopKGateOptions, noisyTopKGate } from "./gates/noisyTopKGate.js";
export { SigmoidGate, type SigmoidGateOptions, sigmoidGate } from "./gates/sigmoidGate.js";
export { SoftmaxGate, type SoftmaxGateOptions, softmaxGate } from "./gates/softmaxGate.js";
export { switchGate } from "./gates/switchGate.js";
export { UniformGate, uniformGate } from "./gates/uniformGate.js";
export { ModuleExperts } from "./moduleExperts.js";
export { MoELayer, type MoELayerOptions } from "./moeLayer.js";
export { moeLayers, routing, routingLosses } from "./routed.js";
export type { LayerRouting } from "./routing.js";
export { type LayerMeasures, measureRouting } from "./statistics/measures.js";
export { type LayerLoad, RoutingHistory, routingStatistics } from "./statistics/routingHistory.js";
export { RoutingTables } from "./statistics/routingTables.js";
