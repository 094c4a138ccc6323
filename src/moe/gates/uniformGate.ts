import { checkCount, checkOptionNames } from "../../nn/options.js";
import { ones, rand } from "../../torch/operators.generated.js";
import type { Tensor } from "../../torch/tensor.js";
import { Gate, type GateMaker, type GateOutput } from "../gate.js";
import { chosenCount } from "./linearGate.js";

/** k different experts drawn evenly for each token, each weighing 1/k: no routing to learn, for benchmarks. */
export class UniformGate extends Gate {
  constructor(
    readonly experts: number,
    readonly topK: number,
  ) {
    super();
  }

  forward(x: Tensor): GateOutput {
    const [tokens] = x.shape;
    const { device } = x;
    const [, experts] = rand([tokens, this.experts], { device }).topk(this.topK, 1);
    return {
      experts,
      weights: ones([tokens, this.topK], { device }).div(this.topK),
      probabilities: ones([tokens, this.experts], { device }).div(this.experts),
    };
  }

  override extraRepr(): string {
    return `${this.experts} experts, topK: ${this.topK}`;
  }
}

/** A {@link UniformGate} for each layer. `topK` by default the layer's, else 2. */
export function uniformGate(options: { topK?: number } = {}): GateMaker {
  const owner = "moe.uniformGate";
  checkOptionNames(owner, options, ["topK"]);
  if (options.topK !== undefined) checkCount(owner, "topK", options.topK);
  return (sizes) => new UniformGate(sizes.experts, chosenCount(owner, options.topK, sizes));
}
