import { autocastDtype } from "../torch/autocast.js";
import { isGradEnabled } from "../torch/autograd.js";
import { ones, scaledDotProductAttention } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";
import { type WeightOptions, weightOptionNames } from "./initialise.js";
import { hasKernel } from "./kernels.js";
import type { KeyValueCache } from "./keyValueCache.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { RMSNorm } from "./norm.js";
import { checkChoice, checkCount, checkOptionNames, checkReal } from "./options.js";
import { products } from "./products.js";
import { RotaryEmbedding } from "./rotary.js";

export type QueryKeyNorm = "row" | "head";

export interface AttentionOptions extends WeightOptions {
  /** Size of a token's vector. */
  dim: number;
  /** Query heads. */
  heads: number;
  /** Key and value heads, each shared by heads / kvHeads query heads (arXiv 2305.13245). Default: heads. */
  kvHeads?: number;
  /** Size of a head. Default dim / heads. */
  headDim?: number;
  /** Base of the rotary frequencies; null for no position embedding. Default 10000. */
  ropeTheta?: number | null;
  /** Probability of dropping an attention weight in training. Default 0. */
  dropout?: number;
  /** Biases in the four projections. Default false. */
  bias?: boolean;
  /**
   * RMSNorm of queries and keys before they are turned: over the whole "row" of a token (OLMoE, arXiv 2409.02060), over
   * each "head" (Qwen3, arXiv 2505.09388), or null for none. Default null.
   */
  qkNorm?: QueryKeyNorm | null;
  /** Added under the root of that norm. Default 1e-5. */
  normEps?: number;
  /** Standard deviation of the output projection, where it differs from `std`. */
  residualStd?: number;
}

/** Multi-head attention in which a position sees itself and the ones before it. */
export class CausalSelfAttention extends Module {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly dropout: number;
  qProj: Linear;
  kProj: Linear;
  vProj: Linear;
  oProj: Linear;
  /** Null without qkNorm. */
  qNorm: RMSNorm | null;
  kNorm: RMSNorm | null;
  private readonly rotary: RotaryEmbedding | null;

  constructor(options: AttentionOptions) {
    super();
    const owner = "nn.CausalSelfAttention";
    checkOptionNames(owner, options, [
      ...["dim", "heads", "kvHeads", "headDim", "ropeTheta", "dropout", "bias", "residualStd"],
      ...["qkNorm", "normEps"],
      ...weightOptionNames,
    ]);
    const {
      dim,
      heads,
      kvHeads = heads,
      ropeTheta = 10000,
      dropout = 0,
      bias = false,
      qkNorm = null,
      normEps: eps = 1e-5,
      residualStd,
      ...rest
    } = options;
    checkCount(owner, "dim", dim);
    checkCount(owner, "heads", heads);
    checkCount(owner, "kvHeads", kvHeads);
    if (heads % kvHeads !== 0) {
      throw new RangeError(
        `${owner}: heads must be a multiple of kvHeads, got ${heads} heads and ${kvHeads} kvHeads`,
      );
    }
    const { headDim, ...weights } = rest;
    if (headDim === undefined && dim % heads !== 0) {
      throw new RangeError(
        `${owner}: dim must be a multiple of heads, got dim ${dim} and ${heads} heads; change one or pass headDim`,
      );
    }
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.headDim = checkCount(owner, "headDim", headDim ?? dim / heads);
    this.dropout = checkReal(owner, "dropout", dropout, { min: 0, below: 1 });
    if (ropeTheta !== null) {
      checkReal(owner, "ropeTheta", ropeTheta, { above: 0 });
      if (this.headDim % 2 !== 0) {
        throw new RangeError(`${owner}: rotary embedding needs an even headDim, got ${this.headDim}`);
      }
    }
    this.rotary = ropeTheta === null ? null : new RotaryEmbedding(this.headDim, ropeTheta);
    this.qProj = new Linear(dim, heads * this.headDim, { bias, ...weights });
    this.kProj = new Linear(dim, kvHeads * this.headDim, { bias, ...weights });
    this.vProj = new Linear(dim, kvHeads * this.headDim, { bias, ...weights });
    this.oProj = new Linear(heads * this.headDim, dim, { bias, ...weights, std: residualStd ?? weights.std });
    if (qkNorm !== null) checkChoice(owner, "qkNorm", qkNorm, ["row", "head"]);
    const norm = (count: number) => {
      const { dtype, device } = weights;
      return (
        qkNorm && new RMSNorm(qkNorm === "row" ? count * this.headDim : this.headDim, { eps, dtype, device })
      );
    };
    this.qNorm = norm(heads);
    this.kNorm = norm(kvHeads);
  }

  /**
   * @param x [batch, length, dim]
   * @param cache positions before these; gets these added (no gradient flows into it)
   * @returns [batch, length, dim]
   */
  forward(x: Tensor, cache?: KeyValueCache): Tensor {
    const [batch, length] = x.shape;
    const past = cache?.length ?? 0;
    const split = (projected: Tensor, heads: number, norm: RMSNorm | null = null) => {
      const whole = norm && norm.dim !== this.headDim ? norm.forward(projected) : projected;
      const parts = whole.view([batch, length, heads, this.headDim]);
      return (norm && norm.dim === this.headDim ? norm.forward(parts) : parts).transpose(1, 2);
    };
    const turn = (heads: Tensor) => this.rotary?.apply(heads, past) ?? heads;

    const input = inAutocast(x);
    const projections = [this.qProj, this.kProj, this.vProj];
    const [q, k, v] = this.qProj.bias
      ? projections.map((projection) => projection.forward(input))
      : products(
          input,
          projections.map(({ weight }) => weight),
        );
    const queries = turn(split(q, this.heads, this.qNorm));
    let keys = turn(split(k, this.kvHeads, this.kNorm));
    let values = split(v, this.kvHeads);
    if (cache) ({ keys, values } = cache.append(keys, values));

    const dropout = this.training ? this.dropout : 0;
    if (length === 1 && dropout === 0 && hasKernel(queries) && !isGradEnabled()) {
      const attended: Tensor = ops.moelab.attend_one(queries, keys, values);
      return this.oProj.forward(attended.view([batch, 1, this.heads * this.headDim]));
    }
    const attended = scaledDotProductAttention(
      queries,
      keys,
      values,
      past > 0 && length > 1 ? causalMask(length, past, x.device) : null,
      dropout,
      past === 0 && length > 1,
      { enableGqa: this.kvHeads !== this.heads },
    );
    const merged = attended.transpose(1, 2).reshape([batch, length, this.heads * this.headDim]);
    return this.oProj.forward(merged);
  }

  override extraRepr(): string {
    return `heads: ${this.heads}, kvHeads: ${this.kvHeads}, headDim: ${this.headDim}`;
  }
}

/** What autocast would make of x for each of the projections, made once. */
function inAutocast(x: Tensor): Tensor {
  const dtype = autocastDtype(x.device);
  return dtype === null || x.dtype === "float64" ? x : x.to(dtype);
}

/** True where a new position may look: [length, past + length]. */
function causalMask(length: number, past: number, device: string): Tensor {
  return ones([length, past + length], { dtype: "bool", device }).tril(past);
}
