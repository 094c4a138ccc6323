import type { LayerRouting } from "../moe/routing.js";
import type { Module } from "../nn/module.js";
import type { Tensor } from "../torch/tensor.js";

/** One step's input. For language models both are int64 [batch, length], targets shifted by one. */
export interface Batch {
  inputs: Tensor;
  targets: Tensor;
  /**
   * By how much the batch counts among those that are accumulated to one step: what its mean loss is a mean over. Default:
   * the targets, of integers those that are not -100.
   */
  weight?: number;
}

export interface LossReport {
  /** What is minimised: a tensor without dimensions, with history. */
  loss: Tensor;
  /** Parts of the loss worth plotting (crossEntropy, auxLoss, …): tensors without dimensions, without history. */
  metrics: Record<string, Tensor>;
}

/** What `train.fit` trains. */
export interface Trainable extends Module {
  loss(batch: Batch): LossReport;
}

/** A model that tells its routing itself; of any other the MoE layers in it are followed. */
export interface Routed {
  /** How the last forward pass routed its tokens, one entry for each MoE layer, in order. */
  routing(): LayerRouting[];
}
