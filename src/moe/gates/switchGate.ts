import type { GateMaker } from "../gate.js";
import { type SoftmaxGateOptions, softmaxGate } from "./softmaxGate.js";

/**
 * One expert a token, weighted by its probability; the gate's input multiplied by 1 ± 1e-2 in training; capacity
 * factor 1.25 (Switch Transformer, arXiv 2101.03961). Its auxiliary loss is `auxLoss: { normalisation: "gshard",
 * coefficient: 1e-2 }`.
 */
export function switchGate(options: Omit<SoftmaxGateOptions, "topK" | "renormalise"> = {}): GateMaker {
  return softmaxGate({ jitter: 1e-2, capacityFactor: 1.25, ...options, topK: 1, renormalise: false });
}
