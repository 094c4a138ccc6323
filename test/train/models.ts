import * as nn from "../../src/nn/index.js";
import * as torch from "../../src/torch/index.js";
import type { Batch, LossReport, Trainable } from "../../src/train/index.js";

/** A small language model with dropout: next token from the last one. */
export class TinyModel extends nn.Module implements Trainable {
  embedding: nn.Embedding;
  hidden: nn.Linear;
  dropout: nn.Dropout;
  output: nn.Linear;

  constructor(seed = 1, vocab = 32, dim = 16) {
    super();
    torch.manualSeed(seed);
    this.embedding = new nn.Embedding(vocab, dim);
    this.hidden = new nn.Linear(dim, dim);
    this.dropout = new nn.Dropout(0.1);
    this.output = new nn.Linear(dim, vocab);
  }

  forward(ids: torch.Tensor): torch.Tensor {
    const hidden = this.hidden.forward(this.embedding.forward(ids)).tanh();
    return this.output.forward(this.dropout.forward(hidden));
  }

  loss({ inputs, targets }: Batch): LossReport {
    const logits = this.forward(inputs);
    const loss = torch.crossEntropyLoss(logits.flatten(0, 1), targets.reshape([-1]));
    return { loss, metrics: { perplexity: loss.detach().exp() } };
  }
}

/** Token ids with structure: each follows from the one before it, with noise. */
export function structuredIds(count: number, vocab = 32): Int32Array {
  const ids = new Int32Array(count);
  let state = 12345;
  for (let at = 1; at < count; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    ids[at] = state % 10 < 7 ? (ids[at - 1] * 5 + 3) % vocab : (state >>> 8) % vocab;
  }
  return ids;
}
