import type { Group } from "../distributed/group.js";
import type { Mesh } from "../distributed/mesh.js";
import type { Activation } from "../nn/activation.js";
import { FeedForward } from "../nn/feedForward.js";
import { type WeightOptions, weightOptionNames } from "../nn/initialise.js";
import { Module } from "../nn/module.js";
import { checkCount, checkOptionNames, checkReal, describeValue } from "../nn/options.js";
import { autocastDtype, withoutAutocast } from "../torch/autocast.js";
import { keep } from "../torch/lifetime.js";
import { rand } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import {
  type AuxLossNormalisation,
  type AuxLossOptions,
  type BalanceTerms,
  checkAuxLoss,
  loadBalancingLoss,
  pooledLoadBalancingLoss,
  zLoss,
} from "./auxLoss.js";
import {
  type Capacity,
  type CapacityOptions,
  capacityOptionNames,
  checkCapacity,
  expertCapacity,
} from "./capacity.js";
import { ResidualBranch, SharedExpert, type SharedExpertOptions } from "./denseBranch.js";
import { type Dispatch, dispatch, weightsTaken } from "./dispatch.js";
import { ExpertExchange } from "./expertExchange.js";
import { Experts } from "./experts.js";
import type { DispatchRequest } from "./fusedGate.js";
import { Gate, type GateMaker, type GateOutput, type RoutingLoss } from "./gate.js";
import { softmaxGate } from "./gates/softmaxGate.js";
import { ModuleExperts } from "./moduleExperts.js";
import type { LayerRouting } from "./routing.js";

export interface MoELayerOptions extends WeightOptions, CapacityOptions {
  /** Size of a token's vector. */
  dim: number;
  /** Hidden units of each expert; needed unless `expert` makes them. */
  hidden?: number;
  /** E. */
  experts: number;
  /** A gate, or a function that makes one for the layer's sizes. Default: {@link softmaxGate}. */
  gate?: Gate | GateMaker;
  /** Experts a token is sent to, for a gate that does not say it itself. Default 2, or 1 for a single expert. */
  topK?: number;
  /** Default "swiglu". */
  activation?: Activation;
  /**
   * Makes the module that is expert number `index`, [rows, dim] → [rows, dim], in place of feed-forward blocks of `hidden`
   * units. Such experts run one after another.
   */
  expert?: (index: number) => Module;
  /** A feed-forward block beside the experts that every token goes through. Default: none. */
  sharedExpert?: SharedExpertOptions | null;
  /**
   * A dense block of `hidden` units, or a module of one's own, beside the experts, mixed with them by a learned share
   * (PR-MoE). Default false.
   */
  residual?: boolean | Module;
  /**
   * Ranks among which the layer is divided: the experts over the axis "expert" (their number must be a multiple of its
   * size), the tokens over "data" and "expert", each rank with its own. Losses are those of the tokens of all ranks
   * together; a capacity is that of a rank's tokens, as GShard's groups have it. Default: one process has all.
   */
  mesh?: Mesh;
  /** Load-balancing loss: its normalisation and coefficient, or a coefficient alone. Default: none. */
  auxLoss?: number | AuxLossOptions | null;
  /** Coefficient of the z-loss of the gate's logits ({@link zLoss}). Default: none. */
  zLoss?: number | null;
  /** Standard deviation of the experts' second matrix, where it differs from `std`. */
  residualStd?: number;
  /**
   * The backward pass computes the experts' hidden units again ({@link Experts.recompute}); those of `expert` run once more
   * as a whole ({@link ModuleExperts.recompute}). Default false.
   */
  recompute?: boolean;
}

export const moeLayerOptionNames = [
  ...[
    "dim",
    "hidden",
    "experts",
    "gate",
    "topK",
    "activation",
    "expert",
    "sharedExpert",
    "residual",
    "mesh",
    "auxLoss",
    "zLoss",
  ],
  ...["residualStd", "recompute", ...capacityOptionNames, ...weightOptionNames],
];

/**
 * A mixture of experts in place of a feed-forward block: y_t = Σ over the experts chosen for t of weight · expert(x_t).
 *
 * `X` is {@link ModuleExperts} for a layer that is given `expert`: `new moe.MoELayer<moe.ModuleExperts>({ … })`.
 */
export class MoELayer<X extends Experts | ModuleExperts = Experts> extends Module {
  readonly dim: number;
  /** E, on all ranks together. */
  readonly expertCount: number;
  readonly mesh: Mesh | null;
  /** Null when this process has all experts. */
  private readonly exchange: ExpertExchange | null;
  gate: Gate;
  experts: X;
  sharedExpert: SharedExpert | null;
  residual: ResidualBranch | null;
  /** How much experts take: the layer's options, where they say nothing the gate's. */
  capacity: Capacity;
  /** Factor of {@link auxLoss} in what a model minimises; 0 when there is none. */
  auxLossCoefficient: number;
  readonly auxLossNormalisation: AuxLossNormalisation | null;
  /**
   * Load-balancing loss of the last forward pass, not yet multiplied by its coefficient, with history: a tensor
   * without dimensions, which lives as long as the scope (training step) of that pass. Null without one, and when it is
   * pooled with those of other layers.
   */
  auxLoss: Tensor | null = null;
  /** What a pooled loss is made from; see {@link routingLosses}. Lives as long as {@link auxLoss}. */
  balanceTerms: BalanceTerms | null = null;
  /** Whether the model has one loss over the tokens of all its layers. */
  readonly auxLossPooled: boolean;
  /** Coefficient of the z-loss; 0 when there is none. */
  zLossCoefficient: number;
  /** All losses of the last forward pass, {@link auxLoss} among them; they live as long as that one. */
  losses: RoutingLoss[] = [];
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
      expert,
      sharedExpert,
      residual = false,
      residualStd,
      std,
      dtype,
      device,
    } = options;
    this.dim = checkCount(owner, "dim", dim);
    if (!expert || residual === true || hidden !== undefined) checkCount(owner, "hidden", hidden);
    this.expertCount = checkCount(owner, "experts", experts);
    if (topK !== undefined && checkCount(owner, "topK", topK) > experts) {
      throw new RangeError(
        `${owner}: topK must not exceed the number of experts, got topK ${topK} and ${experts} experts`,
      );
    }
    const auxLoss = options.auxLoss == null ? null : checkAuxLoss(owner, options.auxLoss);
    this.auxLossCoefficient = auxLoss?.coefficient ?? 0;
    this.auxLossNormalisation = auxLoss?.normalisation ?? null;
    this.auxLossPooled = auxLoss?.pooled ?? false;
    this.gate = makeGate(owner, gate, { dim, experts, topK });
    if (device !== undefined) this.gate.to({ device });
    const given = capacityOptionNames.filter((name) => options[name] !== undefined);
    const own = Object.fromEntries(given.map((name) => [name, options[name]]));
    this.capacity = checkCapacity(owner, { ...this.gate.capacity, ...own });
    this.zLossCoefficient = checkReal(owner, "zLoss", options.zLoss ?? 0, { min: 0 });
    this.mesh = options.mesh ?? null;
    this.exchange =
      this.mesh && this.mesh.sizes.expert > 1 ? new ExpertExchange(this.mesh, this.expertCount) : null;
    if (this.exchange && expert) {
      throw new TypeError(
        `${owner}: experts made by \`expert\` are not divided over ranks; give a mesh whose axis "expert" has size 1, ` +
          "or experts of `hidden` units",
      );
    }
    const weights = { std, dtype, device };
    const made = expert
      ? new ModuleExperts(experts, expert)
      : new Experts(experts, dim, hidden!, activation, weights, residualStd);
    made.recompute = options.recompute ?? false;
    // All are drawn first: the same seed gives the same weights however many ranks there are.
    if (this.exchange && made instanceof Experts) made.keepOnly(this.exchange.first, this.exchange.count);
    this.experts = made as X;
    this.sharedExpert = sharedExpert ? new SharedExpert(dim, sharedExpert, activation, weights) : null;
    const dense =
      residual === true ? new FeedForward({ dim, hidden: hidden!, activation, ...weights }) : residual;
    this.residual = dense ? new ResidualBranch(dim, dense, weights) : null;
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
    const request = this.dispatchRequest(count);
    const gated = this.runGate(tokens, request);
    this.checkGated(gated, count);

    const dispatched = this.dispatch(gated, request);
    let combined = this.exchange
      ? this.exchange.forward(this.experts, tokens, gated.weights, dispatched)
      : this.experts.forward(tokens, gated.weights, dispatched);
    if (this.sharedExpert) combined = this.sharedExpert.forward(tokens, combined);
    if (this.residual) combined = this.residual.forward(tokens, combined);

    this.balance(gated, dispatched, shape);
    this.losses = this.lossesOf(gated);
    this.keepRouting(gated, dispatched);
    return combined.view(shape);
  }

  /** Ranks with tokens of their own, over which losses are made. */
  get ranks(): Group | undefined {
    return this.mesh?.group("data", "expert");
  }

  override mapSideOutputs(map: (tensor: Tensor) => Tensor): void {
    this.losses = this.losses.map((loss) => ({ ...loss, value: map(loss.value) }));
    if (this.auxLoss) this.auxLoss = map(this.auxLoss);
    const terms = this.balanceTerms;
    if (terms) {
      const { probabilities, experts, load } = terms;
      this.balanceTerms = {
        probabilities: map(probabilities),
        experts: map(experts),
        load: load && map(load),
      };
    }
  }

  override extraRepr(): string {
    const { capacityFactor } = this.capacity;
    const capacity = capacityFactor === null ? "dropless" : `capacityFactor: ${capacityFactor}`;
    const loss =
      this.auxLossNormalisation &&
      `auxLoss: ${this.auxLossCoefficient} (${this.auxLossNormalisation}${this.auxLossPooled ? ", pooled" : ""})`;
    return [capacity, loss].filter(Boolean).join(", ");
  }

  /** In full precision also inside autocast: differences between close scores decide where a token goes. */
  private runGate(tokens: Tensor, request: DispatchRequest): GateOutput {
    const { device } = tokens;
    if (autocastDtype(device) === null) return this.gate.forward(tokens, request);
    return withoutAutocast(() => this.gate.forward(tokens.float(), request), { device });
  }

  private checkGated({ experts, weights, probabilities }: GateOutput, tokens: number): void {
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
  }

  private dispatchRequest(tokens: number): DispatchRequest {
    const { groups, dropPolicy } = this.capacity;
    if (tokens % groups !== 0) {
      throw new RangeError(
        `moe.MoELayer: groups: ${groups} cuts the tokens of a pass into equal groups, but there are ${tokens}`,
      );
    }
    const sizes = { tokens: tokens / groups, experts: this.expertCount };
    return {
      capacity: (topK) => expertCapacity(this.capacity, { ...sizes, topK }, this.training),
      groups,
      dropPolicy: dropPolicy === "random" && !this.training ? "position" : dropPolicy,
    };
  }

  private dispatch(
    { experts, weights, kept, priority, fused }: GateOutput,
    { capacity: capacityFor, groups, dropPolicy }: DispatchRequest,
  ): Dispatch {
    if (fused?.dispatched && fused.experts === experts && fused.kept === kept && !priority) {
      return fused.dispatched;
    }
    const capacity = capacityFor(experts.shape[1]);
    const byPolicy = () => {
      if (dropPolicy === "probabilities") return weights.detach();
      return dropPolicy === "random" ? rand(weights.shape, { device: weights.device }) : undefined;
    };
    const first = capacity === null ? undefined : (priority?.detach() ?? byPolicy());
    return dispatch(experts, this.expertCount, { capacity, groups, priority: first, kept });
  }

  private lossesOf({ logits, losses = [] }: GateOutput): RoutingLoss[] {
    const all = [...losses];
    if (this.auxLoss)
      all.push({ name: "auxLoss", value: this.auxLoss, coefficient: this.auxLossCoefficient });
    if (this.zLossCoefficient > 0) {
      if (!logits) {
        throw new TypeError(
          `moe.MoELayer: zLoss is made from logits, which ${this.gate.constructor.name}.forward does not give; ` +
            "return logits [tokens, experts] as well, or leave zLoss out",
        );
      }
      all.push({ name: "zLoss", value: zLoss(logits, this.ranks), coefficient: this.zLossCoefficient });
    }
    return all;
  }

  private balance(
    { probabilities, experts, fused }: GateOutput,
    { load }: Dispatch,
    shape: readonly number[],
  ): void {
    const normalisation = this.auxLossNormalisation;
    this.auxLoss = null;
    this.balanceTerms = null;
    if (!normalisation || !probabilities) return;
    const terms: BalanceTerms = { probabilities, experts, load };
    if (fused?.experts === experts) terms.firstLoad = fused.firstLoad;
    if (fused?.probabilities === probabilities) terms.probabilitySums = fused.probabilitySums;
    if (this.auxLossPooled) {
      this.balanceTerms = terms;
      return;
    }
    if (normalisation !== "deepSeekSequence") {
      this.auxLoss = pooledLoadBalancingLoss([terms], normalisation, this.ranks);
      return;
    }
    const sequences = shape.slice(0, -2).reduce((product, size) => product * size, 1);
    this.auxLoss = loadBalancingLoss(probabilities, experts, normalisation, load, sequences, this.ranks);
  }

  private keepRouting({ experts, weights, probabilities }: GateOutput, dispatched: Dispatch): void {
    const old = this.routing;
    this.routing = {
      experts: keep(experts.detach()),
      weights: keep(weightsTaken(weights.detach(), dispatched).to("float32").detach()),
      load: keep(dispatched.load.detach()),
      taken: keep(dispatched.taken.detach()),
      ...(probabilities ? { probabilities: keep(probabilities.detach()) } : {}),
    };
    if (old) for (const tensor of Object.values(old)) tensor.dispose();
  }
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
