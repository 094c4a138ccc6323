import { adopt, keep, tidy } from "../torch/lifetime.js";
import { Tensor } from "../torch/tensor.js";

/**
 * A tensor that a {@link Module} trains: found among the module's own properties, alive until nothing refers to it,
 * whatever scope it was made in. Shares the memory of the tensor it is made from.
 */
export class Parameter extends Tensor {
  /** @param requiresGrad false freezes it. Default true. */
  constructor(data: Tensor, requiresGrad = true) {
    super(takeHandle(data));
    keep(this);
    adopt(this);
    if (requiresGrad) this.requiresGrad = true;
  }
}

/** The handle of a fresh alias, which no other object will release. */
function takeHandle(data: Tensor): number {
  return tidy(() => {
    const alias = data.detach();
    const { handle } = alias;
    alias.handle = -1;
    return handle;
  });
}
