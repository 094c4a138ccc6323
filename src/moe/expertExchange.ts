import type { Mesh } from "../distributed/mesh.js";
import { autocastDtype } from "../torch/autocast.js";
import { isGradEnabled } from "../torch/autograd.js";
import { tensor } from "../torch/creation.js";
import { ones } from "../torch/operators.generated.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";
import type { Dispatch } from "./dispatch.js";

/** What computes a rank's own experts: of all, those that its group left to it. */
interface LocalExperts {
  forward(x: Tensor, weights: Tensor, dispatched: Dispatch): Tensor;
}

/**
 * Experts divided over ranks (expert parallelism, GShard): each rank has `experts / group.size` of them, sends the tokens
 * of its own batch to the ranks of their experts, and gets the answers back. Two all-to-alls forward and two backward,
 * of real tokens only; a rank that none are sent to takes part all the same.
 */
export class ExpertExchange {
  readonly #mesh: Mesh;
  /** This rank's experts are those from here on. */
  readonly first: number;
  readonly count: number;

  constructor(
    mesh: Mesh,
    /** Experts of the layer, on all ranks together. */
    readonly total: number,
  ) {
    const { expert } = mesh.sizes;
    if (total % expert !== 0) {
      throw new RangeError(
        `moe.MoELayer: ${total} experts cannot be divided evenly over the ${expert} ranks of the mesh's axis "expert"`,
      );
    }
    this.#mesh = mesh;
    this.count = total / expert;
    this.first = this.count * mesh.coordinate("expert");
  }

  /**
   * Σ over the choices of each token of weight · expert(x), wherever the expert is.
   * @param x this rank's tokens, [T, dim]
   * @param weights of each choice, [T, k]
   * @param dispatched to all experts
   * @returns [T, dim]
   */
  forward(experts: LocalExperts, x: Tensor, weights: Tensor, dispatched: Dispatch): Tensor {
    const group = this.#mesh.group("expert");
    const { order, taken } = dispatched;
    const dtype = (x.dtype !== "float64" && autocastDtype(x.device)) || x.dtype;
    const perRank = group.ranks.map(() => this.count);
    const sent = numbers(taken);
    const received = numbers(group.allToAll(taken, perRank, perRank));
    const [sendRows, receiveRows] = [sent, received].map((counts) => sums(counts, this.count));

    const rows = ops.moelab.permute(x.to(dtype), order, taken, weights.shape[1]);
    const arrived = recorded(group.allToAll(rows, sendRows, receiveRows));
    const factors = ones([arrived.shape[0], 1], {
      dtype: arrived.dtype === "float64" ? "float64" : "float32",
    });
    const answers = experts.forward(arrived, factors, this.#dispatchArrived(received));
    const returned = group.allToAll(answers, receiveRows, sendRows);
    return ops.moelab.unpermute(returned, weights, order, taken);
  }

  /**
   * By expert what arrived by rank.
   * @param counts rows from each rank for each of this rank's experts, one rank after another
   */
  #dispatchArrived(counts: number[]): Dispatch {
    const { count } = this;
    const ranks = counts.length / count;
    const firsts: number[] = [];
    let rows = 0;
    for (const each of counts) {
      firsts.push(rows);
      rows += each;
    }
    const order = new Int32Array(rows);
    const taken = new Array<number>(count).fill(0);
    let at = 0;
    for (let expert = 0; expert < count; expert++) {
      for (let rank = 0; rank < ranks; rank++) {
        const part = rank * count + expert;
        for (let row = 0; row < counts[part]; row++) order[at++] = firsts[part] + row;
        taken[expert] += counts[part];
      }
    }
    const places = tensor(order).to("int64");
    const load = tensor(taken, { dtype: "int64" });
    return { order: places, load, taken: load };
  }
}

function numbers(counts: Tensor): number[] {
  return Array.from(counts.cpu().asTypedArray({ copy: true }), Number);
}

/** Of runs of `length`. */
function sums(counts: number[], length: number): number[] {
  return Array.from({ length: counts.length / length }, (_, run) =>
    counts.slice(run * length, (run + 1) * length).reduce((sum, each) => sum + each, 0),
  );
}

/**
 * With history, whatever the experts: an expert that computes nothing gives a result without, and its rank would then be
 * missing in the backward pass of the others.
 */
function recorded(rows: Tensor): Tensor {
  if (!isGradEnabled() || rows.requiresGrad) return rows;
  const leaf = rows.detach();
  leaf.requiresGrad = true;
  return leaf;
}
