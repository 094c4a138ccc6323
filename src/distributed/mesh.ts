import { checkCount, describeValue } from "../nn/options.js";
import type { Group } from "./group.js";
import { divide, rank, worldSize } from "./world.js";

/** What an axis divides: the batch, the experts, or the matrices themselves. */
export type Axis = "data" | "expert" | "tensor";
export const axes: readonly Axis[] = ["data", "expert", "tensor"];

export type MeshSizes = Partial<Record<Axis, number>>;

/**
 * All ranks in a grid with named axes. Ranks that differ in one axis only form a group of that axis; the last axis has
 * neighbouring ranks (which are likeliest on one machine): tensor, then expert, then data.
 *
 * The batch is divided over data × expert: the ranks among which experts are divided have different tokens (GShard,
 * DeepSpeed). Ranks of one tensor group have the same tokens.
 */
export class Mesh {
  readonly sizes: Readonly<Record<Axis, number>>;
  readonly #groups = new Map<string, Group>();

  /** Use {@link mesh}. @internal */
  constructor(sizes: Record<Axis, number>) {
    this.sizes = sizes;
    for (const axis of axes) if (sizes[axis] > 1) this.group(axis);
    // Which everything needs that trains.
    this.group("data", "expert");
  }

  /** This rank's place on an axis. */
  coordinate(axis: Axis): number {
    return this.#place(rank())[axis];
  }

  /**
   * The ranks that differ from this one in these axes at most. A group is made when it is first asked for, and then all
   * ranks must ask for it.
   */
  group(...along: Axis[]): Group {
    const name = axes.filter((axis) => along.includes(axis)).join("×");
    let group = this.#groups.get(name);
    if (!group) {
      const groups = new Map<string, number[]>();
      for (let member = 0; member < worldSize(); member++) {
        const place = this.#place(member);
        const fixed = axes.filter((axis) => !along.includes(axis)).map((axis) => place[axis]);
        const key = fixed.join();
        groups.set(key, [...(groups.get(key) ?? []), member]);
      }
      group = divide(name, [...groups.values()]);
      this.#groups.set(name, group);
    }
    return group;
  }

  toString(): string {
    return `Mesh(${axes.map((axis) => `${axis}: ${this.sizes[axis]}`).join(", ")})`;
  }

  #place(member: number): Record<Axis, number> {
    const { expert, tensor } = this.sizes;
    return {
      tensor: member % tensor,
      expert: Math.floor(member / tensor) % expert,
      data: Math.floor(member / (tensor * expert)),
    };
  }
}

/**
 * A mesh over all ranks, which every rank makes alike: `dist.mesh({ data: 2, expert: 4 })`. An axis left out has size 1;
 * `data` left out takes what the others leave.
 *
 * @throws RangeError when the sizes do not multiply to the number of ranks
 */
export function mesh(sizes: MeshSizes = {}): Mesh {
  for (const name of Object.keys(sizes)) {
    if (!axes.includes(name as Axis)) {
      throw new TypeError(`dist.mesh has no axis ${describeValue(name)}: it takes ${axes.join(", ")}`);
    }
  }
  const size = worldSize();
  const { expert = 1, tensor = 1 } = sizes;
  for (const [axis, value] of Object.entries(sizes)) checkCount("dist.mesh", axis, value);
  const { data = Math.max(1, Math.floor(size / (expert * tensor))) } = sizes;
  if (data * expert * tensor !== size) {
    throw new RangeError(
      `dist.mesh: data ${data} × expert ${expert} × tensor ${tensor} is ${data * expert * tensor}, ` +
        `but there ${size === 1 ? "is 1 rank" : `are ${size} ranks`}`,
    );
  }
  return new Mesh({ data, expert, tensor });
}
