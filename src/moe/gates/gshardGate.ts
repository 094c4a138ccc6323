import { checkChoice, checkOptionNames, checkReal } from "../../nn/options.js";
import { cat, onesLike, rand } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import { type CapacityOptions, capacityOptionNames, checkCapacity } from "../capacity.js";
import { type DispatchRequest, fusedGate } from "../fusedGate.js";
import type { GateMaker, GateOutput } from "../gate.js";
import { chosenCount, LinearGate } from "./linearGate.js";

/**
 * Which tokens are sent to their second expert, too, by the probability g₂ of that expert:
 *
 * | policy        | with probability          | from |
 * |---------------|---------------------------|------|
 * | `"all"`       | 1                         | GLaM, arXiv 2112.06905 |
 * | `"gshard"`    | min(1, 2·g₂), g₂ renormalised against g₁ | GShard, arXiv 2006.16668; FastMoE, Paddle |
 * | `"random"`    | min(1, g₂ / threshold)    | Mesh-TensorFlow |
 * | `"threshold"` | 1 if g₂ > threshold       | Mesh-TensorFlow |
 * | `"none"`      | 0                         | Mesh-TensorFlow |
 */
export type SecondExpertPolicy = "all" | "gshard" | "random" | "threshold" | "none";
export const secondExpertPolicies: readonly SecondExpertPolicy[] = [
  "all",
  "gshard",
  "random",
  "threshold",
  "none",
];

export interface GShardGateOptions extends CapacityOptions {
  /** Random routing of the second expert: true is "gshard", false "all". Default true. */
  randomRouting?: boolean | SecondExpertPolicy;
  /** Of the policies that have one. Default 0.2. */
  threshold?: number;
  /** Standard deviation of the initial weights. Default 0.02. */
  std?: number;
}

/** The two most probable experts, their probabilities divided by their sum; the second by chance (GShard). */
export class GShardGate extends LinearGate {
  constructor(
    dim: number,
    experts: number,
    readonly policy: SecondExpertPolicy,
    readonly threshold: number,
    std: number,
  ) {
    super(dim, experts, 2, std);
  }

  forward(x: Tensor, request?: DispatchRequest): GateOutput {
    const { policy } = this;
    const all = policy === "all" || (policy === "gshard" && !this.training);
    // The rows of the experts are known once it is known who stays.
    const chosen = fusedGate(this.logits(x), 2, { renormalise: true }, all ? request : undefined);
    return all ? chosen : { ...chosen, kept: this.kept(chosen) };
  }

  private kept({ experts, probabilities, weights }: GateOutput): Tensor {
    const { policy, threshold } = this;
    const second = probabilities!.detach().gather(1, experts.narrow(1, 1, 1));
    const chance = rand(second.shape, { device: second.device }).to(second.dtype);
    const stays = {
      gshard: () => weights.detach().narrow(1, 1, 1).mul(2).gt(chance),
      // Outside of training by the expected outcome, as Mesh-TensorFlow's evaluation policies do.
      random: () => (this.training ? second.div(threshold).gt(chance) : second.gt(threshold)),
      threshold: () => second.gt(threshold),
      none: () => second.lt(0),
    }[policy as Exclude<SecondExpertPolicy, "all">]();
    return cat([onesLike(stays), stays], 1);
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, second expert: ${this.policy}`;
  }
}

/** A {@link GShardGate} for each layer: top-2, capacity factor 1.25 in training and 2 outside by default. */
export function gshard(options: GShardGateOptions = {}): GateMaker {
  const owner = "moe.gshard";
  checkOptionNames(owner, options, ["randomRouting", "threshold", "std", ...capacityOptionNames]);
  const { randomRouting = true } = options;
  const named = typeof randomRouting === "boolean" ? (randomRouting ? "gshard" : "all") : randomRouting;
  const policy = checkChoice(owner, "randomRouting", named, secondExpertPolicies);
  const threshold = checkReal(owner, "threshold", options.threshold ?? 0.2, { above: 0 });
  const std = checkReal(owner, "std", options.std ?? 0.02, { min: 0 });
  const capacity = checkCapacity(owner, { capacityFactor: 1.25, evalCapacityFactor: 2, ...options });
  return (sizes) => {
    if (sizes.experts < 2) throw new RangeError(`${owner}: needs two experts or more, got ${sizes.experts}`);
    chosenCount(owner, 2, sizes);
    const gate = new GShardGate(sizes.dim, sizes.experts, policy, threshold, std);
    gate.capacity = capacity;
    return gate;
  };
}

/**
 * GLaM's gate: the two best experts, both always (arXiv 2112.06905; there every other layer is an MoE layer of GLU
 * experts, and the auxiliary loss has the coefficient 0.01).
 */
export function glam(options: Omit<GShardGateOptions, "randomRouting"> = {}): GateMaker {
  return gshard({ ...options, randomRouting: "all" });
}
