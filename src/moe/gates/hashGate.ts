import { checkCount, checkOptionNames } from "../../nn/options.js";
import { arange, ones } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import { Gate, type GateMaker, type GateOutput } from "../gate.js";
import { chosenCount } from "./linearGate.js";

/** Knuth's multiplicative hash, 2³² divided by the golden ratio. */
const multiplier = 2654435761;

/**
 * Experts by a fixed hash of the token's id, each weighing 1/k: nothing is learned, equal tokens always meet equal
 * experts (Hash Layers, arXiv 2106.04426). The model has to tell the ids ({@link Gate.tokenIds}); moeTransformer does.
 */
export class HashGate extends Gate {
  override readonly usesTokenIds = true;

  constructor(
    readonly experts: number,
    readonly topK: number,
  ) {
    super();
  }

  forward(x: Tensor): GateOutput {
    const [tokens] = x.shape;
    const { tokenIds: ids } = this;
    if (!ids || ids.shape[0] !== tokens) {
      throw new Error(
        `moe.HashGate: expected the ids of the ${tokens} tokens in tokenIds, got ${ids ? ids.shape[0] : "none"}; ` +
          "use it in a model that sets them, such as models.moeTransformer",
      );
    }
    const { device } = x;
    // The upper bits of the product are the well mixed ones.
    const mixed = ids
      .mul(multiplier)
      .remainder(2 ** 32)
      .div(2 ** 16, { roundingMode: "floor" });
    const apart = arange(this.topK, { dtype: "int64", device }).mul(Math.floor(this.experts / this.topK));
    const experts = mixed.unsqueeze(1).add(apart).remainder(this.experts);
    return { experts, weights: ones([tokens, this.topK], { device }).div(this.topK) };
  }

  override extraRepr(): string {
    return `${this.experts} experts, topK: ${this.topK}`;
  }
}

/** A {@link HashGate} for each layer. `topK` by default the layer's, else 1. */
export function hashGate(options: { topK?: number } = {}): GateMaker {
  const owner = "moe.hashGate";
  checkOptionNames(owner, options, ["topK"]);
  if (options.topK !== undefined) checkCount(owner, "topK", options.topK);
  return (sizes) => new HashGate(sizes.experts, chosenCount(owner, options.topK, sizes, 1));
}
