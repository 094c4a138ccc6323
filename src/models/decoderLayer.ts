import type { MoELayer } from "../moe/moeLayer.js";
import type { CausalSelfAttention } from "../nn/attention.js";
import { Dropout } from "../nn/dropout.js";
import type { FeedForward } from "../nn/feedForward.js";
import type { KeyValueCache } from "../nn/keyValueCache.js";
import { Module } from "../nn/module.js";
import { RMSNorm } from "../nn/norm.js";
import type { Tensor } from "../torch/tensor.js";

/** x += attention(norm(x)); x += feedForward(norm(x)). */
export class DecoderLayer extends Module {
  attentionNorm: RMSNorm;
  attention: CausalSelfAttention;
  feedForwardNorm: RMSNorm;
  feedForward: MoELayer | FeedForward;
  dropout: Dropout;

  constructor(
    dim: number,
    attention: CausalSelfAttention,
    feedForward: MoELayer | FeedForward,
    options: { eps: number; dropout: number },
  ) {
    super();
    this.attentionNorm = new RMSNorm(dim, { eps: options.eps });
    this.attention = attention;
    this.feedForwardNorm = new RMSNorm(dim, { eps: options.eps });
    this.feedForward = feedForward;
    this.dropout = new Dropout(options.dropout);
  }

  /** [batch, length, dim] → [batch, length, dim] */
  forward(x: Tensor, cache?: KeyValueCache): Tensor {
    const attended = x.add(
      this.dropout.forward(this.attention.forward(this.attentionNorm.forward(x), cache)),
    );
    return attended.add(
      this.dropout.forward(this.feedForward.forward(this.feedForwardNorm.forward(attended))),
    );
  }
}
