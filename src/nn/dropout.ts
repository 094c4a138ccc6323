import { dropout } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import { Module } from "./module.js";
import { checkReal } from "./options.js";

/** In training, zeroes each value with probability p and divides the others by 1 - p; otherwise does nothing. */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    checkReal("nn.Dropout", "p", p, { min: 0, below: 1 });
  }

  forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? dropout(x, this.p, true) : x;
  }

  override extraRepr(): string {
    return String(this.p);
  }
}
