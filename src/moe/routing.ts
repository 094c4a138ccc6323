import type { Tensor } from "../torch/tensor.js";

/** How one MoE layer routed the tokens of one forward pass. All without history. */
export interface LayerRouting {
  /** Name of the layer in the model, for example "layers.1.feedForward". */
  layer: string;
  /** Chosen experts by rank, int64 [tokens, k]. */
  experts: Tensor;
  /** Weight of each choice in the combined output, float32 [tokens, k]; 0 where the choice was dropped. */
  weights: Tensor;
  /** Assignments each expert was given, before dropping, int64 [experts]. */
  load: Tensor;
  /** Assignments each expert took, int64 [experts]; less than `load` only under a capacity. */
  taken: Tensor;
  /** Share of each expert in each token, [tokens, experts]; left out for a gate that gives none. */
  probabilities?: Tensor;
}
