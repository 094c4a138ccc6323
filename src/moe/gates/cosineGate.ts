import { constantWeight, randomWeight } from "../../nn/initialise.js";
import { checkCount, checkOptionNames, checkReal } from "../../nn/options.js";
import type { Parameter } from "../../nn/parameter.js";
import { linear } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import { type CapacityOptions, capacityOptionNames, checkCapacity } from "../capacity.js";
import { type DispatchRequest, fusedGate } from "../fusedGate.js";
import { Gate, type GateMaker, type GateOutput } from "../gate.js";
import { chosenCount } from "./linearGate.js";

export interface CosineGateOptions extends CapacityOptions {
  /** Experts a token is sent to. Default: the layer's topK, else 2. */
  topK?: number;
  /** Size of the space in which angles are measured. Default 256. */
  projection?: number;
  /** Initial temperature τ; cosines are divided by it. It is trained. Default 0.5. */
  temperature?: number;
}

/** Cosines are multiplied by at most this much, however small the temperature becomes. */
const largestScale = 100;

/**
 * Probabilities are the softmax of the cosines between the projected token and a vector of each expert, divided by a
 * trained temperature (Tutel's cosine_top; arXiv 2206.04046), then the k largest, renormalised.
 */
export class CosineGate extends Gate {
  /** [projection, dim] */
  projectionWeight: Parameter;
  /** [experts, projection] */
  expertVectors: Parameter;
  /** Logarithm of 1/τ, without dimensions. */
  logScale: Parameter;

  constructor(
    readonly dim: number,
    readonly experts: number,
    readonly topK: number,
    readonly projection: number,
    temperature: number,
  ) {
    super();
    this.projectionWeight = randomWeight([projection, dim], dim, {});
    this.expertVectors = randomWeight([experts, projection], projection, { std: 0.01 });
    this.logScale = constantWeight([], Math.log(1 / temperature), {});
  }

  forward(x: Tensor, request?: DispatchRequest): GateOutput {
    const dtype = x.dtype === "float64" ? "float64" : "float32";
    const projected = linear(x.to(dtype), this.projectionWeight.to(dtype));
    const cosines = linear(unit(projected), unit(this.expertVectors.to(dtype)));
    const scale = this.logScale.to(dtype).clampMax(Math.log(largestScale)).exp();
    return fusedGate(cosines.mul(scale), this.topK, { renormalise: this.topK > 1 }, request);
  }

  override extraRepr(): string {
    return `${this.dim} → ${this.projection} → ${this.experts} experts, topK: ${this.topK}`;
  }
}

/** Rows of length 1. */
function unit(rows: Tensor): Tensor {
  return rows.div(rows.square().sum(1, true).sqrt().clampMin(1e-12));
}

/** A {@link CosineGate} for each layer. */
export function cosineGate(options: CosineGateOptions = {}): GateMaker {
  const owner = "moe.cosineGate";
  checkOptionNames(owner, options, ["topK", "projection", "temperature", ...capacityOptionNames]);
  if (options.topK !== undefined) checkCount(owner, "topK", options.topK);
  const projection = checkCount(owner, "projection", options.projection ?? 256);
  const temperature = checkReal(owner, "temperature", options.temperature ?? 0.5, {
    min: 1 / largestScale,
  });
  const capacity = checkCapacity(owner, options);
  return (sizes) => {
    const k = chosenCount(owner, options.topK, sizes);
    const gate = new CosineGate(sizes.dim, sizes.experts, k, projection, temperature);
    gate.capacity = capacity;
    return gate;
  };
}
