import type { Module } from "../nn/module.js";
import { checkChoice, checkCount, checkOptionNames, describeValue } from "../nn/options.js";
import { Gate, type GateMaker } from "./gate.js";
import { gshard } from "./gates/gshardGate.js";
import { softmaxGate } from "./gates/softmaxGate.js";
import { switchGate } from "./gates/switchGate.js";
import type { ModuleExperts } from "./moduleExperts.js";
import { MoELayer, type MoELayerOptions } from "./moeLayer.js";

/** `gate` of Paddle's MoELayer. */
export interface PaddleGateOptions {
  /** Default "gshard". */
  type?: "naive" | "gshard" | "switch" | null;
  /** Default 2; "gshard" takes 2 only, "switch" 1. */
  top_k?: number;
}

/** Arguments of `paddle.incubate.distributed.models.moe.MoELayer`, under their names. */
export interface PaddleMoELayerOptions {
  /** Size of a token's vector. */
  d_model: number;
  /** The experts, modules from [rows, d_model] to [rows, d_model]. */
  experts: readonly Module[];
  /** Default { type: "gshard", top_k: 2 }. */
  gate?: PaddleGateOptions | Gate | null;
  /** Here all experts are in one process. */
  moe_group?: null;
  mp_group?: null;
  /** Above 0 the backward pass runs the experts again instead of keeping what they computed. Default 0. */
  recompute_interval?: number;
  /** Has no effect. */
  recompute_ctx?: object | null;
}

const gateTypes = ["naive", "gshard", "switch"] as const;
type PaddleGateType = (typeof gateTypes)[number];

/** What Paddle's layer takes of each expert is bounded by 1.2 tokens per token of the batch, 2.4 outside of training. */
const capacity = { training: 1.2, evaluation: 2.4 };

/**
 * An MoE layer from the arguments of Paddle's `MoELayer`. What its gates are here:
 *
 * | `type`     | {@link Gate} | |
 * |------------|--------------|-|
 * | `"gshard"` | `moe.gshard({ randomRouting: true, capacityFactor: 1.2·E/2 })` | Paddle's capacity is a factor of the tokens, not of an expert's fair share, hence E/k |
 * | `"switch"` | `moe.switchGate({ jitter: 0.1, capacityFactor: 1.2·E })` | Paddle adds its noise to the scores, here it multiplies the input as in the paper |
 * | `"naive"`  | `moe.softmaxGate({ topK, renormalise: true })` | |
 *
 * Weights are probabilities divided by their sum, as GShard's paper has them; Paddle's GShard and naive gates multiply by
 * the raw scores. Paddle computes GShard's loss whether or not it is used (`layer.gate.get_loss()`); here it is asked for:
 * `auxLoss: { normalisation: "gshard", coefficient: 0.01 }`.
 *
 * @param more what only moelab's layer has
 * @example
 * const layer = moe.fromPaddle({ d_model: 512, experts, gate: { type: "gshard", top_k: 2 }, recompute_interval: 0 });
 * @throws TypeError for names that Paddle's layer does not have, RangeError for what it refuses, too
 */
export function fromPaddle(
  options: PaddleMoELayerOptions,
  more: Pick<MoELayerOptions, "auxLoss" | "zLoss" | "sharedExpert"> = {},
): MoELayer<ModuleExperts> {
  const owner = "moe.fromPaddle";
  const own = ["d_model", "experts", "gate", "moe_group", "mp_group", "recompute_interval", "recompute_ctx"];
  checkOptionNames(owner, options, own);
  checkOptionNames(`${owner} (second argument)`, more, ["auxLoss", "zLoss", "sharedExpert"]);
  const { experts, moe_group = null, mp_group = null, recompute_interval = 0 } = options;
  const dim = checkCount(owner, "d_model", options.d_model);
  if (!Array.isArray(experts) || experts.length === 0) {
    throw new TypeError(`${owner}: experts must be a list of modules, got ${describeValue(experts)}`);
  }
  for (const [name, group] of Object.entries({ moe_group, mp_group })) {
    if (group === null) continue;
    throw new TypeError(
      `${owner}: ${name} must be null, experts are in this process; got ${describeValue(group)}`,
    );
  }
  return new MoELayer<ModuleExperts>({
    ...more,
    dim,
    experts: experts.length,
    expert: (index) => experts[index],
    recompute: checkCount(owner, "recompute_interval", recompute_interval, 0) > 0,
    gate: gateOf(owner, options.gate ?? {}, experts.length),
  });
}

function gateOf(owner: string, gate: PaddleGateOptions | Gate, experts: number): Gate | GateMaker {
  if (gate instanceof Gate) return gate;
  checkOptionNames(`${owner} gate`, gate, ["type", "top_k"]);
  const type: PaddleGateType =
    gate.type === null ? "naive" : checkChoice(owner, "gate.type", gate.type ?? "gshard", gateTypes);
  const topK = checkCount(owner, "gate.top_k", gate.top_k ?? 2);
  const needed = { naive: topK, gshard: 2, switch: 1 }[type];
  if (topK !== needed) throw new RangeError(`${owner}: gate "${type}" needs top_k ${needed}, got ${topK}`);
  const limits = {
    capacityFactor: (capacity.training * experts) / topK,
    evalCapacityFactor: (capacity.evaluation * experts) / topK,
  };
  return {
    naive: () => softmaxGate({ topK, renormalise: true }),
    gshard: () => gshard({ randomRouting: true, ...limits }),
    switch: () => switchGate({ jitter: 0.1, ...limits }),
  }[type]();
}
