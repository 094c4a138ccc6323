import { adopt, keep, tidy } from "../torch/lifetime.js";
import { Tensor } from "../torch/tensor.js";

/** Which part of a larger tensor a parameter is, when ranks have divided it among them. */
export interface Division {
  /** Axis of the mesh over which it is divided: `dist.Axis`. */
  axis: "expert" | "tensor";
  /** Along dimension 0, the rows before this part's. */
  first: number;
  /** Rows of the whole. */
  total: number;
}

/**
 * A tensor that a {@link Module} trains: found among the module's own properties, alive until nothing refers to it,
 * whatever scope it was made in. Shares the memory of the tensor it is made from.
 */
export class Parameter extends Tensor {
  /** Null for a parameter that this process has whole. */
  division: Division | null = null;

  /** @param requiresGrad false freezes it. Default true. */
  constructor(data: Tensor, requiresGrad = true) {
    super(takeHandle(data));
    keep(this);
    adopt(this);
    if (requiresGrad) this.requiresGrad = true;
  }
}

/** Some rows of a parameter as one of its own, which shares no memory with it. */
export function partOf(whole: Parameter, axis: Division["axis"], first: number, count: number): Parameter {
  return tidy(() => {
    const part = new Parameter(whole.detach().narrow(0, first, count).clone());
    part.division = { axis, first, total: whole.shape[0] };
    return part;
  });
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
