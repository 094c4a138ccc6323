import { tensor } from "../torch/creation.js";
import { ops } from "../torch/ops.js";
import type { Tensor } from "../torch/tensor.js";

export type ReduceOp = "sum" | "mean" | "max" | "min";

/** Of a group, since it was made. */
export interface Traffic {
  /** Messages this rank sent. */
  messages: number;
  /** Bytes of content it sent. */
  bytes: number;
  /** Collectives it took part in. */
  collectives: number;
  /** Seconds in which collectives ran, on whatever thread. */
  communicating: number;
  /** Seconds in which this rank stood still for them. */
  waiting: number;
}

/** A collective under way in the background. */
export class Pending<T> {
  #result: T;
  #wait: (() => void) | null;
  readonly #finished: () => boolean;

  /** @internal */
  constructor(result: T, wait: () => void, finished: () => boolean) {
    this.#result = result;
    this.#wait = wait;
    this.#finished = finished;
  }

  /** Whether {@link wait} would return at once. */
  get finished(): boolean {
    return this.#wait === null || this.#finished();
  }

  /** Blocks until the collective is over. Only then the result holds what it should, and what was sent may change. */
  wait(): T {
    const wait = this.#wait;
    this.#wait = null;
    wait?.();
    return this.#result;
  }
}

/**
 * Ranks that communicate with one another. All of them must call the same collectives in the same order; a rank that
 * does not, one that hangs for longer than the group's timeout and one that is gone are named in the error that all
 * others get, and the group is of no more use then.
 *
 * Collectives run on the tensors' values as they are when called, and, but for those that end in `_` or begin with
 * `start`, have gradients: those of the sum of all ranks' losses.
 */
export class Group {
  /** @internal */
  constructor(
    readonly name: string,
    /** Of this process within the group. */
    readonly rank: number,
    /** The group's ranks by their numbers in the world. */
    readonly ranks: readonly number[],
    /** The engine's number for it; null for a group of one. @internal */
    readonly handle: number | null,
  ) {}

  get size(): number {
    return this.ranks.length;
  }

  /** The sum (or mean, maximum, minimum) over the ranks, the same bits on each. x: the same shape on all. */
  allReduce(x: Tensor, op: ReduceOp = "sum"): Tensor {
    return this.handle === null ? x : ops.moelab.all_reduce(x, op, this.handle);
  }

  /** As {@link allReduce}, in place and without gradient. */
  allReduce_(x: Tensor, op: ReduceOp = "sum"): Tensor {
    return this.handle === null ? x : ops.moelab.all_reduce_(x, op, this.handle);
  }

  /**
   * The ranks' tensors, one after another along dimension 0.
   * @param rows of each rank; default: as many as this rank's x has
   */
  allGather(x: Tensor, rows?: readonly number[]): Tensor {
    return this.handle === null ? x : ops.moelab.all_gather(x, this.#rows(x, rows), this.handle);
  }

  /**
   * Adds up the ranks' tensors; each rank gets its own rows of the sum.
   * @param rows that each rank gets; default: the same number for all
   */
  reduceScatter(x: Tensor, rows?: readonly number[], op: "sum" | "mean" = "sum"): Tensor {
    return this.handle === null ? x : ops.moelab.reduce_scatter(x, this.#shares(x, rows), op, this.handle);
  }

  /**
   * Sends each rank some rows of x and gives the rows that the ranks sent this one, in the order of the ranks. Only real
   * rows travel; a rank may get none.
   * @param send rows for each rank, in the order of x
   * @param receive rows from each rank; default: the ranks ask one another, which costs a step more
   */
  allToAll(x: Tensor, send: readonly number[], receive?: readonly number[]): Tensor {
    return this.handle === null
      ? x
      : ops.moelab.all_to_all(x, send, receive ?? this.exchangeCounts(send), this.handle);
  }

  /** Tells each rank a number, and gives what each rank told this one. */
  exchangeCounts(counts: readonly number[]): number[] {
    if (this.handle === null) return [...counts];
    const ones = counts.map(() => 1);
    const told = ops.moelab.all_to_all(
      tensor([...counts], { dtype: "int64" }),
      ones,
      ones,
      this.handle,
    ) as Tensor;
    return Array.from(told.asTypedArray({ copy: true }), Number);
  }

  /** Gives x of the group's rank `root` to all, in place and without gradient. */
  broadcast_(x: Tensor, root = 0): Tensor {
    return this.handle === null ? x : ops.moelab.broadcast_(x, root, this.handle);
  }

  /** x as it is; its gradient is added up over the group (Megatron-LM's f). */
  copyTo(x: Tensor): Tensor {
    return this.handle === null ? x : ops.moelab.copy_to_group(x, this.handle);
  }

  /** The sum over the group, whose gradient each rank has already (Megatron-LM's g). */
  reduceFrom(x: Tensor): Tensor {
    return this.handle === null ? x : ops.moelab.reduce_from_group(x, this.handle);
  }

  /** Waits until all ranks are here. */
  barrier(): void {
    if (this.handle !== null) ops.moelab.dist_barrier(this.handle);
  }

  /** {@link allReduce_} in the background. */
  startAllReduce_(x: Tensor, op: ReduceOp = "sum"): Pending<Tensor> {
    if (this.handle === null) return done(x);
    return this.#pending(x, ops.moelab.start_all_reduce(x, op, this.handle));
  }

  /** {@link allGather} in the background. */
  startAllGather(x: Tensor, rows?: readonly number[]): Pending<Tensor> {
    if (this.handle === null) return done(x);
    const [out, job] = ops.moelab.start_all_gather(x, this.#rows(x, rows), this.handle);
    return this.#pending(out, job);
  }

  /** {@link reduceScatter} in the background. */
  startReduceScatter(x: Tensor, rows?: readonly number[], op: "sum" | "mean" = "sum"): Pending<Tensor> {
    if (this.handle === null) return done(x);
    const [out, job] = ops.moelab.start_reduce_scatter(x, this.#shares(x, rows), op, this.handle);
    return this.#pending(out, job);
  }

  /** {@link allToAll} in the background. */
  startAllToAll(x: Tensor, send: readonly number[], receive: readonly number[]): Pending<Tensor> {
    if (this.handle === null) return done(x);
    const [out, job] = ops.moelab.start_all_to_all(x, send, receive, this.handle);
    return this.#pending(out, job);
  }

  get traffic(): Traffic {
    if (this.handle === null) return { messages: 0, bytes: 0, collectives: 0, communicating: 0, waiting: 0 };
    const [messages, bytes, collectives, communicating, waiting] = ops.moelab.dist_traffic(this.handle);
    return { messages, bytes, collectives, communicating: communicating / 1e9, waiting: waiting / 1e9 };
  }

  /** Leaves the group: the others' next collective fails and says that this rank left. */
  close(reason = `rank ${this.ranks[this.rank]} left the group '${this.name}'`): void {
    if (this.handle !== null) ops.moelab.dist_close(this.handle, reason);
  }

  #rows(x: Tensor, rows: readonly number[] | undefined): readonly number[] {
    return rows ?? this.ranks.map(() => x.shape[0]);
  }

  #shares(x: Tensor, rows: readonly number[] | undefined): readonly number[] {
    if (rows) return rows;
    if (x.shape[0] % this.size !== 0) {
      throw new RangeError(
        `reduceScatter: ${x.shape[0]} rows are not the same number for each of ${this.size} ranks; say how many each gets`,
      );
    }
    return this.ranks.map(() => x.shape[0] / this.size);
  }

  #pending<T>(result: T, job: number): Pending<T> {
    const { handle } = this;
    return new Pending(
      result,
      () => ops.moelab.dist_wait(handle, job),
      () => ops.moelab.dist_finished(handle, job),
    );
  }
}

function done<T>(result: T): Pending<T> {
  return new Pending(
    result,
    () => {},
    () => true,
  );
}
