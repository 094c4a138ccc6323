import { Module } from "../nn/module.js";
import { describeValue } from "../nn/options.js";
import { recompute } from "../nn/recompute.js";
import { cat } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import { type Dispatch, permute, unpermute } from "./dispatch.js";

/**
 * Experts that are modules of any kind, each from [rows, dim] to [rows, dim], run one after another on the rows they are
 * sent (as in Paddle's MoELayer and DeepSpeed's MoE). One that is sent nothing is not run and gets no gradient.
 */
export class ModuleExperts extends Module {
  readonly list: Module[];
  /** Whether the backward pass runs the experts again instead of keeping what they computed (`nn.recompute`). */
  recompute = false;

  /** @param make called for each expert with its number */
  constructor(count: number, make: (expert: number) => Module) {
    super();
    this.list = Array.from({ length: count }, (_, at) => {
      const made = make(at);
      if (!(made instanceof Module)) {
        throw new TypeError(`moe.MoELayer: expert must return a module, got ${describeValue(made)}`);
      }
      return made;
    });
    if (new Set(this.list).size < count) {
      throw new TypeError("moe.MoELayer: expert must return a new module for each expert, got one twice");
    }
  }

  /**
   * Σ over the choices of each token of weight · expert(x).
   * @param x tokens, [T, dim]
   * @param weights of each choice, [T, k]
   * @returns [T, dim]
   */
  forward(x: Tensor, weights: Tensor, dispatched: Dispatch): Tensor {
    const counts = dispatched.taken.toArray() as number[];
    const rows = permute(x, dispatched, weights.shape[1]).splitWithSizes(counts);
    const answers = rows.flatMap((own, at) => (counts[at] > 0 ? [this.answer(at, own)] : []));
    return unpermute(answers.length > 0 ? cat(answers) : x.narrow(0, 0, 0), weights, dispatched);
  }

  private answer(expert: number, rows: Tensor): Tensor {
    const module = this.list[expert];
    const answer: Tensor = this.recompute
      ? recompute(module, (own) => module.forward(own), rows)
      : module.forward(rows);
    if (answer.shape.length !== 2 || answer.shape[0] !== rows.shape[0] || answer.shape[1] !== rows.shape[1]) {
      throw new RangeError(
        `moe.MoELayer: expected expert ${expert} to give the shape it is given, [${rows.shape.join(", ")}], ` +
          `got [${answer.shape.join(", ")}]`,
      );
    }
    return answer;
  }
}
