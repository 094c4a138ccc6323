import { type CapacityOptions, capacityOptionNames } from "../moe/capacity.js";
import { Gate } from "../moe/gate.js";
import { MoELayer, type MoELayerOptions } from "../moe/moeLayer.js";
import { moeLayers, routing, routingLosses } from "../moe/routed.js";
import type { LayerRouting } from "../moe/routing.js";
import { type Activation, activations } from "../nn/activation.js";
import { CausalSelfAttention, type QueryKeyNorm } from "../nn/attention.js";
import { Dropout } from "../nn/dropout.js";
import { Embedding } from "../nn/embedding.js";
import { FeedForward } from "../nn/feedForward.js";
import { KeyValueCache } from "../nn/keyValueCache.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { RMSNorm } from "../nn/norm.js";
import { checkChoice, checkCount, checkOptionNames, checkReal, describeValue } from "../nn/options.js";
import { products } from "../nn/products.js";
import { recompute } from "../nn/recompute.js";
import { noGrad } from "../torch/autograd.js";
import { manualSeed, tensor } from "../torch/creation.js";
import { tidy } from "../torch/lifetime.js";
import { crossEntropyLoss, stack } from "../torch/operators.generated.js";
import { Tensor } from "../torch/tensor.js";
import type { Batch, LossReport, Routed, Trainable } from "../train/trainable.js";
import { DecoderLayer } from "./decoderLayer.js";
import { Sampler, type SamplingOptions } from "./sampling.js";

/** The MoE layers of a model: as of {@link MoELayer}, with sizes that follow from the model. */
export interface MoEOptions
  extends CapacityOptions,
    Pick<MoELayerOptions, "topK" | "activation" | "auxLoss" | "zLoss" | "sharedExpert" | "residual"> {
  /** E; or of each MoE layer its own, in order (a pyramid, arXiv 2201.05596). */
  experts: number | readonly number[];
  /** Hidden units of each expert. Default 4 · dim. */
  hidden?: number;
  /**
   * A function that makes a gate for each MoE layer, such as `moe.softmaxGate({ topK: 2 })` or
   * `({ dim, experts }) => new MyGate(dim, experts)`; a gate itself when only one layer is an MoE layer.
   */
  gate?: MoELayerOptions["gate"];
  /** Every how many layers one is an MoE layer, counted from the first: 2 makes layers 1, 3, 5, … (GLaM). Default 1. */
  every?: number;
}

export interface MoETransformerOptions {
  /** Number of token ids. */
  vocab: number;
  /** Size of a token's vector. */
  dim: number;
  /** Decoder layers. */
  layers: number;
  /** Attention heads. */
  heads: number;
  /** Key and value heads. Default: heads. */
  kvHeads?: number;
  /** Longest sequence. Default 1024. */
  contextLength?: number;
  moe: MoEOptions;
  /** Hidden units of dense feed-forward layers, which there are with moe.every > 1. Default 4 · dim. */
  hidden?: number;
  /** Logits from the transposed token embedding instead of a matrix of their own. Default false. */
  tieEmbeddings?: boolean;
  /** Probability of dropping embedding values, attention weights and block outputs in training. Default 0. */
  dropout?: number;
  /** Base of the rotary position frequencies. Default 10000. */
  ropeTheta?: number;
  /** Added under the root of the norms. Default 1e-5. */
  normEps?: number;
  /** RMSNorm of queries and keys: of a token's whole "row" (OLMoE) or of each "head" (Qwen3). Default null: none. */
  qkNorm?: QueryKeyNorm | null;
  /**
   * Keeps in training only the inputs of so many layers at a time and runs them once more in the backward pass: 2
   * keeps half as many inputs as 1, and holds twice as much while it goes back (DeepSpeed's
   * activation_checkpoint_interval, Paddle's recompute_interval). Default 0: all activations are kept.
   */
  recomputeInterval?: number;
  /** Seeds torch (`torch.manualSeed`) before the weights are drawn. Default: it is left as it is. */
  seed?: number;
}

const modelOptionNames = [
  ...[
    "vocab",
    "dim",
    "layers",
    "heads",
    "kvHeads",
    "contextLength",
    "moe",
    "hidden",
    "tieEmbeddings",
    "dropout",
  ],
  ...["ropeTheta", "normEps", "qkNorm", "recomputeInterval", "seed"],
];
const moeOptionNames = [
  ...[
    "experts",
    "topK",
    "hidden",
    "gate",
    "activation",
    "auxLoss",
    "zLoss",
    "mesh",
    "sharedExpert",
    "residual",
    "every",
  ],
  ...capacityOptionNames,
];

export interface GenerateOptions extends SamplingOptions {
  /** Tokens to add. Default 100. */
  maxNewTokens?: number;
  /** Called with each new token; returning false ends the generation after it. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a callback that returns nothing goes on
  onToken?: (token: number) => boolean | void;
}

/** Routing of one sequence in plain numbers, as `viz.tokenRibbon` and others take it. */
export interface TokenRouting {
  /** Names of the MoE layers. */
  layerNames: string[];
  /** layer × token × k: chosen experts, best first. */
  experts: number[][][];
  /** layer × token × k: their weights, 0 where dropped. */
  weights: number[][][];
  /** layer × expert: assignments before dropping. */
  load: number[][];
  /** E. */
  expertCount: number;
}

/** Standard deviation of the initial weights (GPT-2, Llama); embedding and gate included. */
const initialStd = 0.02;

/**
 * A decoder of pre-norm blocks, x += attention(norm(x)), x += experts(norm(x)), as Mixtral and OLMoE are: RMSNorm,
 * rotary positions, no biases. Initial weights are normal with standard deviation 0.02, those of the matrices that
 * write to the residual stream (the attention's output, the experts' second) 0.02/√(2·layers), as in GPT-2.
 */
export class MoETransformer extends Module implements Trainable, Routed {
  readonly vocab: number;
  readonly contextLength: number;
  /** Layers that are recomputed together in the backward pass; 0 for none. */
  recomputeInterval: number;
  tokenEmbedding: Embedding;
  dropout: Dropout;
  layers: DecoderLayer[];
  norm: RMSNorm;
  /** Null when tied to the token embedding. */
  lmHead: Linear | null;

  /** Use {@link moeTransformer}. */
  constructor(options: MoETransformerOptions) {
    super();
    const settings = checkModel(options);
    const { vocab, dim, heads, kvHeads, dropout, ropeTheta, normEps, qkNorm, moe } = settings;
    this.vocab = vocab;
    this.contextLength = settings.contextLength;
    this.recomputeInterval = settings.recomputeInterval;
    if (settings.seed !== undefined) manualSeed(settings.seed);
    const weights = { std: initialStd, residualStd: initialStd / Math.sqrt(2 * settings.layers) };

    this.tokenEmbedding = new Embedding(vocab, dim, { std: initialStd });
    this.dropout = new Dropout(dropout);
    this.layers = Array.from({ length: settings.layers }, (_, at) => {
      const attention = new CausalSelfAttention({
        ...{ dim, heads, kvHeads, ropeTheta, dropout, qkNorm, normEps },
        ...weights,
      });
      const { every, experts, ...layer } = moe;
      const feedForward =
        (at + 1) % every === 0
          ? new MoELayer({ dim, ...layer, experts: experts[(at + 1) / every - 1], ...weights })
          : new FeedForward({ dim, hidden: settings.hidden, activation: moe.activation, ...weights });
      return new DecoderLayer(dim, attention, feedForward, { eps: normEps, dropout });
    });
    this.norm = new RMSNorm(dim, { eps: normEps });
    this.lmHead = settings.tieEmbeddings ? null : new Linear(dim, vocab, { bias: false, std: initialStd });
  }

  /**
   * @param ids int64 [batch, length]
   * @param caches for decoding: one for each layer, holding the positions before these
   * @returns logits [batch, length, vocab]
   */
  forward(ids: Tensor, caches?: KeyValueCache[]): Tensor {
    return this.logits(this.hiddenStates(ids, caches));
  }

  /**
   * Mean cross entropy over the targets (those of -100 are left out), plus the losses of its routing times their
   * coefficients (`moe.routingLosses`). Metrics: `crossEntropy` and, of such losses, by name (`auxLoss`, `zLoss`, …) the
   * mean over the layers without coefficient.
   */
  loss(batch: Batch): LossReport {
    const logits = this.forward(batch.inputs).float();
    const crossEntropy = crossEntropyLoss(logits.view([-1, this.vocab]), batch.targets.reshape([-1]));
    let loss = crossEntropy;
    const metrics: Record<string, Tensor> = { crossEntropy: crossEntropy.detach() };
    const perLayer = new Map<string, Tensor[]>();
    for (const { name, value, coefficient } of routingLosses(this)) {
      loss = loss.add(value.mul(coefficient));
      perLayer.set(name, [...(perLayer.get(name) ?? []), value.detach()]);
    }
    for (const [name, values] of perLayer) metrics[name] = stack(values).mean();
    return { loss, metrics };
  }

  /** How the last forward pass routed its tokens, one entry for each MoE layer, until the next forward pass. */
  routing(): LayerRouting[] {
    return routing(this);
  }

  /**
   * Continues a sequence, in evaluation mode. Keys and values of past positions are cached while the sequence fits
   * into `contextLength`; beyond that each token is computed anew from the last `contextLength` tokens. With a
   * capacity factor an expert's room depends on how many tokens are computed together, so that cached decoding can
   * drop other assignments than one pass over the whole sequence.
   *
   * @param ids the beginning, at least one token
   * @returns the beginning and the new tokens
   */
  generate(ids: ArrayLike<number> | Tensor, options: GenerateOptions = {}): number[] {
    const { maxNewTokens = 100, onToken, ...sampling } = options;
    const owner = "generate";
    checkCount(owner, "maxNewTokens", maxNewTokens, 0);
    const sampler = new Sampler(owner, sampling);
    const sequence = this.checkSequence(owner, ids);
    const caches = this.layers.map(() => new KeyValueCache(this.contextLength));
    try {
      this.evaluate(() => {
        for (let made = 0; made < maxNewTokens; made++) {
          const token = tidy(() => sampler.next(this.lastLogits(sequence, caches)));
          sequence.push(token);
          if (onToken?.(token) === false) break;
        }
      });
    } finally {
      for (const cache of caches) cache.dispose();
    }
    return sequence;
  }

  /** Runs one sequence in evaluation mode and tells where its tokens went. */
  routeTokens(ids: ArrayLike<number> | Tensor): TokenRouting {
    const sequence = this.checkSequence("routeTokens", ids);
    if (sequence.length > this.contextLength) {
      throw new RangeError(
        `routeTokens: expected at most ${this.contextLength} tokens (the model's contextLength), got ${sequence.length}`,
      );
    }
    this.evaluate(() => tidy(() => void this.hiddenStates(this.toBatch(sequence))));
    const layers = this.routing();
    return {
      layerNames: layers.map(({ layer }) => layer),
      experts: layers.map(({ experts }) => experts.toArray() as number[][]),
      weights: layers.map(({ weights }) => weights.toArray() as number[][]),
      load: layers.map(({ load }) => load.toArray() as number[]),
      expertCount: Math.max(...moeLayers(this).map(([, layer]) => layer.expertCount)),
    };
  }

  override extraRepr(): string {
    return `vocab: ${this.vocab}, contextLength: ${this.contextLength}${this.lmHead ? "" : ", tieEmbeddings"}`;
  }

  /** [batch, length] → [batch, length, dim] */
  private hiddenStates(ids: Tensor, caches?: KeyValueCache[]): Tensor {
    const length = ids.shape[1] + (caches?.[0].length ?? 0);
    if (ids.ndim !== 2 || ids.dtype !== "int64") {
      throw new RangeError(
        `MoETransformer: expected ids as int64 [batch, length], got ${ids.dtype} [${ids.shape.join(", ")}]`,
      );
    }
    if (length > this.contextLength) {
      throw new RangeError(
        `MoETransformer: expected at most ${this.contextLength} positions, got ${length}; ` +
          "shorten the sequences or build the model with a larger contextLength",
      );
    }
    let x = this.dropout.forward(this.tokenEmbedding.forward(ids));
    const interval = this.training && !caches ? this.recomputeInterval : 0;
    if (interval === 0) return this.norm.forward(this.runLayers(this.layers, x, ids, caches));
    for (let from = 0; from < this.layers.length; from += interval) {
      const part = this.layers.slice(from, from + interval);
      x = recompute(part, (x, ids) => this.runLayers(part, x, ids), x, ids);
    }
    return this.norm.forward(x);
  }

  /** @param x [batch, length, dim] */
  private runLayers(layers: DecoderLayer[], x: Tensor, ids: Tensor, caches?: KeyValueCache[]): Tensor {
    const gates = layers.flatMap((layer) =>
      moeLayers(layer).flatMap(([, { gate }]) => (gate.usesTokenIds ? [gate] : [])),
    );
    for (const gate of gates) gate.tokenIds = ids.reshape([-1]);
    for (const [at, layer] of layers.entries()) x = layer.forward(x, caches?.[at]);
    for (const gate of gates) gate.tokenIds = null;
    return x;
  }

  private logits(hidden: Tensor): Tensor {
    return this.lmHead ? this.lmHead.forward(hidden) : products(hidden, [this.tokenEmbedding.weight])[0];
  }

  /** Logits after the last token, [vocab]; computes only what the caches do not hold. */
  private lastLogits(sequence: number[], caches: KeyValueCache[]): Tensor {
    const cached = sequence.length <= this.contextLength;
    const news = cached ? sequence.slice(caches[0].length) : sequence.slice(-this.contextLength);
    const hidden = this.hiddenStates(this.toBatch(news), cached ? caches : undefined);
    return this.logits(hidden.select(1, news.length - 1)).select(0, 0);
  }

  private toBatch(ids: number[]): Tensor {
    return tensor([ids], { dtype: "int64", device: this.tokenEmbedding.weight.device });
  }

  private checkSequence(owner: string, ids: ArrayLike<number> | Tensor): number[] {
    if (ids instanceof Tensor && ids.numel !== ids.shape[ids.ndim - 1]) {
      throw new RangeError(`${owner}: expected one sequence of ids, got shape [${ids.shape.join(", ")}]`);
    }
    const sequence =
      ids instanceof Tensor ? tidy(() => ids.reshape([-1]).toArray() as number[]) : Array.from(ids, Number);
    if (sequence.length === 0) throw new RangeError(`${owner}: expected at least one id, got none`);
    for (const [at, id] of sequence.entries()) {
      if (!Number.isInteger(id) || id < 0 || id >= this.vocab) {
        throw new RangeError(`${owner}: ids[${at}] must be an id from 0 to ${this.vocab - 1}, got ${id}`);
      }
    }
    return sequence;
  }

  /** Runs `body` in evaluation mode without recording history, then restores each module's mode. */
  private evaluate(body: () => void): void {
    const modes = this.modules().map((module) => [module, module.training] as const);
    this.eval();
    try {
      noGrad(body);
    } finally {
      for (const [module, training] of modes) module.training = training;
    }
  }
}

/**
 * A Mixture-of-Experts language model.
 *
 * @example
 * const model = models.moeTransformer({ vocab: 4096, dim: 256, layers: 4, heads: 8,
 *   moe: { experts: 16, topK: 2, auxLoss: 0.01 } });
 * const logits = model.forward(ids);   // int64 [batch, length] → [batch, length, vocab]
 * @throws RangeError or TypeError telling which option is out of range, misspelt or at odds with another
 */
export function moeTransformer(options: MoETransformerOptions): MoETransformer {
  return new MoETransformer(options);
}

type Settings = Required<Omit<MoETransformerOptions, "seed" | "moe">> & {
  seed?: number;
  moe: MoEOptions & { experts: number[]; hidden: number; every: number; activation: Activation };
};

function checkModel(options: MoETransformerOptions): Settings {
  const owner = "models.moeTransformer";
  checkOptionNames(owner, options, modelOptionNames);
  const { moe } = options;
  if (typeof moe !== "object" || moe === null) {
    throw new TypeError(
      `${owner}: moe must be an object such as { experts: 8, topK: 2 }, got ${describeValue(moe)}`,
    );
  }
  checkOptionNames(`${owner} moe`, moe, moeOptionNames);
  const vocab = checkCount(owner, "vocab", options.vocab);
  const dim = checkCount(owner, "dim", options.dim);
  const layers = checkCount(owner, "layers", options.layers);
  const heads = checkCount(owner, "heads", options.heads);
  const kvHeads = checkCount(owner, "kvHeads", options.kvHeads ?? heads);
  if (dim % (2 * heads) !== 0) {
    throw new RangeError(
      `${owner}: dim must be an even multiple of heads (rotary positions turn pairs), got dim ${dim} and ${heads} heads`,
    );
  }
  if (heads % kvHeads !== 0) {
    throw new RangeError(`${owner}: heads must be a multiple of kvHeads, got ${heads} and ${kvHeads}`);
  }
  const every = checkCount(owner, "moe.every", moe.every ?? 1);
  const moeLayerCount = Math.floor(layers / every);
  if (moeLayerCount === 0) {
    throw new RangeError(
      `${owner}: moe.every must not exceed layers, got every ${every} and ${layers} layers`,
    );
  }
  const experts = expertsPerLayer(owner, moe, moeLayerCount);
  if (moe.gate instanceof Gate && moeLayerCount > 1) {
    throw new TypeError(
      `${owner}: moe.gate is one gate for ${moeLayerCount} MoE layers; pass a function that makes one for each, ` +
        "such as ({ dim, experts }) => new MyGate(dim, experts)",
    );
  }
  return {
    vocab,
    dim,
    layers,
    heads,
    kvHeads,
    contextLength: checkCount(owner, "contextLength", options.contextLength ?? 1024),
    hidden: checkCount(owner, "hidden", options.hidden ?? 4 * dim),
    tieEmbeddings: options.tieEmbeddings ?? false,
    dropout: checkReal(owner, "dropout", options.dropout ?? 0, { min: 0, below: 1 }),
    ropeTheta: checkReal(owner, "ropeTheta", options.ropeTheta ?? 10000, { above: 0 }),
    normEps: checkReal(owner, "normEps", options.normEps ?? 1e-5, { min: 0 }),
    qkNorm: options.qkNorm ?? null,
    recomputeInterval: checkCount(owner, "recomputeInterval", options.recomputeInterval ?? 0, 0),
    seed: options.seed === undefined ? undefined : checkCount(owner, "seed", options.seed, 0),
    moe: {
      ...moe,
      experts,
      every,
      hidden: checkCount(owner, "moe.hidden", moe.hidden ?? 4 * dim),
      activation: checkChoice(owner, "moe.activation", moe.activation ?? "swiglu", activations),
    },
  };
}

/** Experts of each MoE layer. */
function expertsPerLayer(owner: string, { experts, topK }: MoEOptions, layers: number): number[] {
  const list = typeof experts === "number" ? Array.from({ length: layers }, () => experts) : experts;
  if (!Array.isArray(list) || list.length !== layers) {
    throw new RangeError(
      `${owner}: moe.experts must be a number, or a list with one for each of the ${layers} MoE layers, ` +
        `got ${describeValue(experts)}`,
    );
  }
  for (const count of list) {
    checkCount(owner, "moe.experts", count);
    if (topK !== undefined && checkCount(owner, "moe.topK", topK) > count) {
      throw new RangeError(
        `${owner}: moe.topK must not exceed moe.experts, got topK ${topK} and ${count} experts`,
      );
    }
  }
  return [...list];
}
