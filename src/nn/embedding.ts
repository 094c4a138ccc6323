import { embedding } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import { randomWeight, type WeightOptions, weightOptionNames } from "./initialise.js";
import { Module } from "./module.js";
import { checkCount, checkOptionNames } from "./options.js";
import type { Parameter } from "./parameter.js";

/** A row of a table for each id. Weights: as PyTorch, normal with standard deviation 1. */
export class Embedding extends Module {
  /** [count, dim] */
  weight: Parameter;

  /**
   * @param count rows: ids go from 0 to count - 1
   * @param dim length of a row
   */
  constructor(
    readonly count: number,
    readonly dim: number,
    options: WeightOptions = {},
  ) {
    super();
    checkOptionNames("nn.Embedding", options, weightOptionNames);
    checkCount("nn.Embedding", "count", count);
    checkCount("nn.Embedding", "dim", dim);
    this.weight = randomWeight([count, dim], 1, { ...options, std: options.std ?? 1 });
  }

  /** int64 [...] → [..., dim] */
  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }

  override extraRepr(): string {
    return `${this.count}, ${this.dim}`;
  }
}
