/** Mixture-of-experts layers: gates, experts, losses, routing. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export {
  type AuxLossNormalisation,
  type AuxLossOptions,
  auxLossNormalisations,
  loadBalancingLoss,
} from "./auxLoss.js";
export { Experts } from "./experts.js";
export { Gate, type GateMaker, type GateOutput, type GateSizes, type TopKOptions, topK } from "./gate.js";
export { MoELayer, type MoELayerOptions } from "./moeLayer.js";
export { moeLayers, routing } from "./routed.js";
export type { LayerRouting } from "./routing.js";
export { SoftmaxGate, type SoftmaxGateOptions, softmaxGate } from "./softmaxGate.js";
