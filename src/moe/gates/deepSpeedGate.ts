import { checkChoice, checkCount, checkOptionNames, checkReal } from "../../nn/options.js";
import { zerosLike } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import { checkCapacity, type DropPolicy } from "../capacity.js";
import { type DispatchRequest, fusedGate } from "../fusedGate.js";
import { type GateMaker, type GateOutput, topK } from "../gate.js";
import { chosenCount, gumbelNoise, jittered, LinearGate } from "./linearGate.js";

/**
 * DeepSpeed's `noisy_gate_policy`. "Jitter": the gate's input times 1 ± 1e-2. "RSample" (k = 1): the expert drawn from
 * the softmax, weighted by its probability without noise.
 */
export type NoisyGatePolicy = "Jitter" | "RSample";
export const noisyGatePolicies: readonly NoisyGatePolicy[] = ["Jitter", "RSample"];

/** Options of `deepspeed.moe.layer.MoE` that concern its gate, in camelCase. */
export interface DeepSpeedGateOptions {
  /** Experts a token is sent to. Default: the layer's topK, else 1. */
  k?: number;
  /** Default 1. */
  capacityFactor?: number;
  /** Default 1. */
  evalCapacityFactor?: number;
  /** An expert takes at least so many. Default 4. */
  minCapacity?: number;
  /** In training only. Default: none. */
  noisyGatePolicy?: NoisyGatePolicy | null;
  /** False: dropless. Default true. */
  dropTokens?: boolean;
  /** Under a capacity tokens are dropped by chance instead of by position, for k = 1 in training. Default true. */
  useRts?: boolean;
  /** k = 2: the second expert is drawn from the softmax without the first, in training. Default true. */
  top2SecondExpertSampling?: boolean;
  /** k > 2: which are dropped, those that weigh least or those that come last. Default "probs". */
  dropPolicy?: "probs" | "position";
}

const jitter = 1e-2;

/** The gate of `deepspeed/moe/sharded_moe.py`: top-1, top-2 and top-k, each with its own rules. */
export class DeepSpeedGate extends LinearGate {
  constructor(
    dim: number,
    experts: number,
    k: number,
    readonly noisyGatePolicy: NoisyGatePolicy | null,
    readonly secondExpertSampling: boolean,
  ) {
    super(dim, experts, k);
  }

  forward(x: Tensor, request?: DispatchRequest): GateOutput {
    const noise = this.training ? this.noisyGatePolicy : null;
    const logits = this.logits(noise === "Jitter" ? jittered(x, jitter) : x);
    const drawn = this.topK === 1 && noise === "RSample";
    const drawnSecond = this.topK === 2 && this.secondExpertSampling && this.training;
    if (!drawn && !drawnSecond) return fusedGate(logits, this.topK, { renormalise: this.topK > 1 }, request);
    const probabilities = logits.softmax(-1);
    if (drawnSecond) return { ...this.withDrawnSecond(logits.detach(), probabilities), logits };
    const noisy = logits.detach().add(gumbelNoise(logits));
    return { ...topK(noisy, 1, { weights: probabilities, probabilities }), logits };
  }

  /** The best expert, and one drawn from the softmax over the others. */
  private withDrawnSecond(logits: Tensor, probabilities: Tensor): GateOutput {
    const first = logits.argmax(1, true);
    const noisy = logits.add(gumbelNoise(logits));
    // The first goes first whatever the noise; the second is the best of the noisy others.
    const above = zerosLike(noisy).scatter(1, first, Infinity);
    return topK(noisy.add(above), 2, { weights: probabilities, probabilities, renormalise: true });
  }
}

/** A {@link DeepSpeedGate} for each layer. Its auxiliary loss: `auxLoss` "gshard" for k ≤ 2, "megatron" above. */
export function deepSpeedGate(options: DeepSpeedGateOptions = {}): GateMaker {
  const owner = "moe.deepSpeedGate";
  checkOptionNames(owner, options, [
    ...[
      "k",
      "capacityFactor",
      "evalCapacityFactor",
      "minCapacity",
      "noisyGatePolicy",
      "dropTokens",
      "useRts",
    ],
    ...["top2SecondExpertSampling", "dropPolicy"],
  ]);
  if (options.k !== undefined) checkCount(owner, "k", options.k);
  const { capacityFactor = 1, evalCapacityFactor = 1, minCapacity = 4, dropTokens = true } = options;
  const { useRts = true, top2SecondExpertSampling = true, noisyGatePolicy = null } = options;
  if (noisyGatePolicy !== null) checkChoice(owner, "noisyGatePolicy", noisyGatePolicy, noisyGatePolicies);
  const policy = checkChoice(owner, "dropPolicy", options.dropPolicy ?? "probs", ["probs", "position"]);
  const factor = (name: string, value: number) =>
    dropTokens ? checkReal(owner, name, value, { above: 0 }) : null;
  return (sizes) => {
    const k = chosenCount(owner, options.k, sizes, 1);
    if (noisyGatePolicy === "RSample" && k > 1) {
      throw new RangeError(`${owner}: noisyGatePolicy "RSample" is for k = 1, got k ${k}`);
    }
    const dropPolicies: Record<number, DropPolicy> = { 1: useRts ? "random" : "position", 2: "position" };
    const gate = new DeepSpeedGate(sizes.dim, sizes.experts, k, noisyGatePolicy, top2SecondExpertSampling);
    gate.capacity = checkCapacity(owner, {
      capacityFactor: factor("capacityFactor", capacityFactor),
      evalCapacityFactor: factor("evalCapacityFactor", evalCapacityFactor),
      minCapacity,
      dropPolicy: dropPolicies[k] ?? (policy === "probs" ? "probabilities" : "position"),
    });
    return gate;
  };
}
