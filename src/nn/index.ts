/** Modules and layers. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export type { Activation } from "./activation.js";
export { type AttentionOptions, CausalSelfAttention } from "./attention.js";
export {
  AvgPool2d,
  Conv2d,
  type Conv2dOptions,
  MaxPool2d,
  type PoolOptions,
  type Size2d,
} from "./convolution.js";
export { Dropout } from "./dropout.js";
export { Embedding } from "./embedding.js";
export { FeedForward, type FeedForwardOptions } from "./feedForward.js";
export type { WeightOptions } from "./initialise.js";
export { KeyValueCache } from "./keyValueCache.js";
export { Linear, type LinearOptions } from "./linear.js";
export { Module } from "./module.js";
export { LayerNorm, type NormOptions, RMSNorm } from "./norm.js";
export { Parameter } from "./parameter.js";
export { recompute } from "./recompute.js";
export { RotaryEmbedding } from "./rotary.js";
export { Sequential } from "./sequential.js";
export type { LoadOptions, LoadResult, StateDict } from "./stateDict.js";
