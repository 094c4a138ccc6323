import { Module } from "../nn/module.js";
import { checkCount, checkOptionNames, describeValue } from "../nn/options.js";
import { deepSpeedGate, type NoisyGatePolicy } from "./gates/deepSpeedGate.js";
import type { ModuleExperts } from "./moduleExperts.js";
import { MoELayer, type MoELayerOptions } from "./moeLayer.js";

/** Arguments of `deepspeed.moe.layer.MoE`, under their names and with their defaults. */
export interface DeepSpeedMoEOptions {
  /** Size of a token's vector. */
  hidden_size: number;
  /**
   * Makes an expert, a module from [rows, hidden_size] to [rows, hidden_size]; called for each with its number. (DeepSpeed
   * is given one module and copies it, so that its experts start alike.)
   */
  expert: (index: number) => Module;
  /** Default 1. */
  num_experts?: number;
  /** Processes that the experts are spread over: here 1. */
  ep_size?: 1;
  /** Experts a token is sent to. Default 1. */
  k?: number;
  /** An expert takes at most T·k/E times this in training. Default 1. */
  capacity_factor?: number;
  /** The same outside of training. Default 1. */
  eval_capacity_factor?: number;
  /** An expert takes at least so many. Default 4. */
  min_capacity?: number;
  /** A dense module beside the experts, mixed with them by a learned share (PR-MoE, arXiv 2201.05596). Default false. */
  use_residual?: boolean;
  /** In training: noise on the gate's input ("Jitter") or on the choice ("RSample", k = 1). Default none. */
  noisy_gate_policy?: NoisyGatePolicy | "None" | null;
  /** False: dropless. Default true. */
  drop_tokens?: boolean;
  /** Tokens over the capacity are dropped by chance, not by position (k = 1, in training). Default true. */
  use_rts?: boolean;
  /** Has no effect: there is one way to compute, which is fast. */
  use_tutel?: boolean;
  /** Has no effect in one process. */
  enable_expert_tensor_parallelism?: boolean;
  /** k = 2: the second expert is drawn, not the second best, in training. Default true. */
  top2_2nd_expert_sampling?: boolean;
}

const names = [
  ...["hidden_size", "expert", "num_experts", "ep_size", "k", "capacity_factor", "eval_capacity_factor"],
  ...["min_capacity", "use_residual", "noisy_gate_policy", "drop_tokens", "use_rts", "use_tutel"],
  ...["enable_expert_tensor_parallelism", "top2_2nd_expert_sampling"],
];

/**
 * An MoE layer from the arguments of DeepSpeed's `MoE`: a {@link MoELayer} with `moe.deepSpeedGate` and experts of one's
 * own. What DeepSpeed returns beside the output is here, after each pass:
 *
 * | DeepSpeed    | here |
 * |--------------|------|
 * | `l_aux`      | `layer.auxLoss`, normalised as DeepSpeed does ("gshard" for k ≤ 2, "megatron" above) |
 * | `exp_counts` | `layer.routing.load` |
 *
 * @param more what only moelab's layer has. `auxLoss`: coefficient with which `moe.routingLosses(model)` lists `l_aux`;
 *   default 0, since DeepSpeed leaves adding it to the training loop
 * @example
 * const layer = moe.fromDeepSpeed({ hidden_size: 84, expert: () => new nn.Linear(84, 84), num_experts: 4, k: 1,
 *   min_capacity: 0, noisy_gate_policy: "RSample" });
 * @throws TypeError for names that DeepSpeed's layer does not have, RangeError for what it refuses, too
 */
export function fromDeepSpeed(
  options: DeepSpeedMoEOptions,
  more: { auxLoss?: number } & Pick<MoELayerOptions, "zLoss" | "sharedExpert"> = {},
): MoELayer<ModuleExperts> {
  const owner = "moe.fromDeepSpeed";
  checkOptionNames(owner, options, names);
  const { auxLoss = 0, ...others } = more;
  checkOptionNames(`${owner} (second argument)`, others, ["zLoss", "sharedExpert"]);
  const { expert, num_experts = 1, ep_size = 1, k = 1, noisy_gate_policy = null } = options;
  const dim = checkCount(owner, "hidden_size", options.hidden_size);
  const experts = checkCount(owner, "num_experts", num_experts);
  if (typeof expert !== "function" || expert.prototype instanceof Module) {
    throw new TypeError(
      `${owner}: expert must be a function that makes each expert, such as () => new nn.Linear(${dim}, ${dim}), ` +
        `got ${describeValue(expert)}`,
    );
  }
  if (ep_size !== 1) {
    throw new RangeError(
      `${owner}: ep_size must be 1, experts are in this process; got ${describeValue(ep_size)}`,
    );
  }
  return new MoELayer<ModuleExperts>({
    ...others,
    dim,
    experts,
    expert,
    gate: deepSpeedGate({
      k: checkCount(owner, "k", k),
      capacityFactor: options.capacity_factor,
      evalCapacityFactor: options.eval_capacity_factor,
      minCapacity: options.min_capacity,
      noisyGatePolicy: noisy_gate_policy === "None" ? null : noisy_gate_policy,
      dropTokens: options.drop_tokens,
      useRts: options.use_rts,
      top2SecondExpertSampling: options.top2_2nd_expert_sampling,
    }),
    residual: options.use_residual ? expert(experts) : false,
    auxLoss: { normalisation: k > 2 ? "megatron" : "gshard", coefficient: auxLoss },
  });
}
