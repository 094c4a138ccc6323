import type { Activation } from "../nn/activation.js";
import { type WeightOptions, weightOptionNames } from "../nn/initialise.js";
import { Module } from "../nn/module.js";
import { checkCount, checkOptionNames, checkReal, describeValue } from "../nn/options.js";
import { autocastDtype, withoutAutocast } from "../torch/autocast.js";
import { keep } from "../torch/lifetime.js";
import type { Tensor } from "../torch/tensor.js";
import {
  type AuxLossNormalisation,
  type AuxLossOptions,
  checkAuxLoss,
  loadBalancingLoss,
} from "./auxLoss.js";
import { type Dispatch, dispatch, expertCapacity, weightsTaken } from "./dispatch.js";
import { Experts } from "./experts.js";
import { Gate, type GateMaker, type GateOutput } from "./gate.js";
import type { LayerRouting } from "./routing.js";
import { softmaxGate } from "./softmaxGate.js";

export interface MoELayerOptions extends WeightOptions {
  /** Size of a token's vector. */
  dim: number;
  /** Hidden units of each expert. */
  hidden: number;
  /** E. */
  experts: number;
  /** A gate, or a function that makes one for the layer's sizes. Default: {@link softmaxGate}. */
  gate?: Gate | GateMaker;
  /** Experts a token is sent to, for a gate that does not say it itself. Default 2, or 1 for a single expert. */
  topK?: number;
  /** Default "swiglu". */
  activation?: Activation;
  /**
   * An expert takes at most ⌈T·k/E · capacityFactor⌉ of the T·k assignments of a forward pass: first choices before
   * second ones, earlier tokens before later ones. What is over is dropped and adds nothing to its token.
   * Default null: no limit (dropless).
   */
  capacityFactor?: number | null;
  /** The same outside of training. Default: capacityFactor. */
  evalCapacityFactor?: number | null;
  /** Load-balancing loss: its normalisation and coefficient, or a coefficient alone. Default: none. */
  auxLoss?: number | AuxLossOptions | null;
  /** Standard deviation of the experts' second matrix, where it differs from `std`. */
  residualStd?: number;
}

export const moeLayerOptionNames = [
  ...[
    "dim",
    "hidden",
    "experts",
    "gate",
    "topK",
    "activation",
    "capacityFactor",
    "evalCapacityFactor",
    "auxLoss",
  ],
  ...["residualStd", ...weightOptionNames],
];

/** A mixture of experts in place of a feed-forward block: y_t = Σ over the experts chosen for t of weight · expert(x_t). */
export class MoELayer extends Module {
  readonly dim: number;
  readonly expertCount: number;
  gate: Gate;
  experts: Experts;
  capacityFactor: number | null;
  evalCapacityFactor: number | null;
  /** Factor of {@link auxLoss} in what a model minimises; 0 when there is none. */
  auxLossCoefficient: number;
  readonly auxLossNormalisation: AuxLossNormalisation | null;
  /**
   * Load-balancing loss of the last forward pass, not yet multiplied by its coefficient, with history: a tensor
   * without dimensions, which lives as long as the scope (training step) of that pass. Null without one.
   */
  auxLoss: Tensor | null = null;
  /** Routing of the last forward pass, until the next one. */
  routing: Omit<LayerRouting, "layer"> | null = null;

  constructor(options: MoELayerOptions) {
    super();
    const owner = "moe.MoELayer";
    checkOptionNames(owner, options, moeLayerOptionNames);
    const {
      dim,
      hidden,
      experts,
      gate,
      topK,
      activation = "swiglu",
      residualStd,
      std,
      dtype,
      device,
    } = options;
    this.dim = checkCount(owner, "dim", dim);
    checkCount(owner, "hidden", hidden);
    this.expertCount = checkCount(owner, "experts", experts);
    if (topK !== undefined && checkCount(owner, "topK", topK) > experts) {
      throw new RangeError(
        `${owner}: topK must not exceed the number of experts, got topK ${topK} and ${experts} experts`,
      );
    }
    const { capacityFactor = null, evalCapacityFactor = capacityFactor } = options;
    this.capacityFactor = checkFactor(owner, "capacityFactor", capacityFactor);
    this.evalCapacityFactor = checkFactor(owner, "evalCapacityFactor", evalCapacityFactor);
    const auxLoss = options.auxLoss == null ? null : checkAuxLoss(owner, options.auxLoss);
    this.auxLossCoefficient = auxLoss?.coefficient ?? 0;
    this.auxLossNormalisation = auxLoss?.normalisation ?? null;
    this.gate = makeGate(owner, gate, { dim, experts, topK });
    if (device !== undefined) this.gate.to({ device });
    this.experts = new Experts(experts, dim, hidden, activation, { std, dtype, device }, residualStd);
  }

  /** [..., dim] → [..., dim] */
  forward(x: Tensor): Tensor {
    const { shape } = x;
    if (shape.length === 0 || shape[shape.length - 1] !== this.dim) {
      throw new RangeError(
        `moe.MoELayer: expected input of shape [..., ${this.dim}], got [${shape.join(", ")}]`,
      );
    }
    const tokens = x.reshape([-1, this.dim]);
    const count = tokens.shape[0];
    const gated = this.runGate(tokens);
    const k = this.checkGated(gated, count);

    const factor = this.training ? this.capacityFactor : this.evalCapacityFactor;
    const capacity = expertCapacity(count, k, this.expertCount, factor);
    const dispatched = dispatch(gated.experts, this.expertCount, capacity);
    const combined = this.experts.forward(tokens, gated.weights, dispatched);

    this.auxLoss = this.balancingLoss(gated, dispatched);
    this.keepRouting(gated, dispatched);
    return combined.view(shape);
  }

  override extraRepr(): string {
    const capacity = this.capacityFactor === null ? "dropless" : `capacityFactor: ${this.capacityFactor}`;
    const loss =
      this.auxLossNormalisation && `auxLoss: ${this.auxLossCoefficient} (${this.auxLossNormalisation})`;
    return [capacity, loss].filter(Boolean).join(", ");
  }

  /** In full precision also inside autocast: differences between close scores decide where a token goes. */
  private runGate(tokens: Tensor): GateOutput {
    const { device } = tokens;
    if (autocastDtype(device) === null) return this.gate.forward(tokens);
    return withoutAutocast(() => this.gate.forward(tokens.float()), { device });
  }

  /** @returns k */
  private checkGated({ experts, weights, probabilities }: GateOutput, tokens: number): number {
    const gate = this.gate.constructor.name;
    if (experts.ndim !== 2 || experts.shape[0] !== tokens || experts.dtype !== "int64") {
      throw new RangeError(
        `moe.MoELayer: expected ${gate}.forward to give experts as int64 [${tokens}, k], ` +
          `got ${experts.dtype} [${experts.shape.join(", ")}]`,
      );
    }
    if (weights.ndim !== 2 || weights.shape[0] !== tokens || weights.shape[1] !== experts.shape[1]) {
      throw new RangeError(
        `moe.MoELayer: expected ${gate}.forward to give weights of the shape of experts, ` +
          `[${experts.shape.join(", ")}], got [${weights.shape.join(", ")}]`,
      );
    }
    if (this.auxLossNormalisation && !probabilities) {
      throw new TypeError(
        `moe.MoELayer: auxLoss balances probabilities, which ${gate}.forward does not give; ` +
          "return probabilities [tokens, experts] as well, or leave auxLoss out",
      );
    }
    if (probabilities && (probabilities.shape[0] !== tokens || probabilities.shape[1] !== this.expertCount)) {
      throw new RangeError(
        `moe.MoELayer: expected ${gate}.forward to give probabilities of shape [${tokens}, ${this.expertCount}], ` +
          `got [${probabilities.shape.join(", ")}]`,
      );
    }
    return experts.shape[1];
  }

  private balancingLoss({ probabilities, experts }: GateOutput, { load }: Dispatch): Tensor | null {
    if (!this.auxLossNormalisation || !probabilities) return null;
    return loadBalancingLoss(probabilities, experts, this.auxLossNormalisation, load);
  }

  private keepRouting({ experts, weights }: GateOutput, dispatched: Dispatch): void {
    const old = this.routing;
    this.routing = {
      experts: keep(experts.detach()),
      weights: keep(weightsTaken(weights.detach(), dispatched).to("float32").detach()),
      load: keep(dispatched.load.detach()),
      taken: keep(dispatched.taken.detach()),
    };
    if (old) for (const tensor of Object.values(old)) tensor.dispose();
  }
}

function checkFactor(owner: string, name: string, value: number | null): number | null {
  return value === null ? null : checkReal(owner, name, value, { above: 0 });
}

function makeGate(
  owner: string,
  gate: Gate | GateMaker | undefined,
  sizes: { dim: number; experts: number; topK?: number },
): Gate {
  if (gate instanceof Gate) return gate;
  if (gate !== undefined && typeof gate !== "function") {
    throw new TypeError(
      `${owner}: gate must be a moe.Gate or a function that makes one, got ${describeValue(gate)}`,
    );
  }
  const made = (gate ?? softmaxGate({ topK: sizes.topK ?? Math.min(2, sizes.experts) }))(sizes);
  if (!(made instanceof Gate)) {
    throw new TypeError(`${owner}: gate must return a moe.Gate, got ${describeValue(made)}`);
  }
  return made;
}
