import type { Parameter } from "../nn/parameter.js";
import { noGrad } from "../torch/autograd.js";
import { tensor } from "../torch/creation.js";
import { tidy } from "../torch/lifetime.js";
import { _foreachNorm, cat, stack, zeros, zerosLike } from "../torch/operators.generated.js";
import type { Tensor } from "../torch/tensor.js";
import type { Group, Pending } from "./group.js";
import type { Mesh } from "./mesh.js";

/** Gradients are sent in pieces of about so many bytes: while one travels the next is put together. */
const bucketBytes = 25 << 20;

/** Ranks that have the same parameter, and whose gradients of it belong together. */
function replicas(mesh: Mesh, { division }: Parameter): Group {
  return division?.axis === "expert" ? mesh.group("data") : mesh.group("data", "expert");
}

/**
 * Adds up, in place, the gradients of all ranks that have the same parameters. When each rank's loss is its share of the
 * whole batch's loss, the gradients are those of the whole batch, of a rank's own experts too: nothing is divided by the
 * number of ranks. A gradient that no rank has stays null.
 *
 * @returns the bytes that this rank's gradients are
 */
export function reduceGradients(parameters: Iterable<Parameter>, mesh: Mesh): number {
  return noGrad(() => {
    const all = [...parameters];
    const groups = new Map<Group, Parameter[]>();
    for (const parameter of all) {
      const group = replicas(mesh, parameter);
      if (group.size > 1) groups.set(group, [...(groups.get(group) ?? []), parameter]);
    }
    let bytes = 0;
    const pending: { reduced: Pending<Tensor>; parts: Parameter[] }[] = [];
    for (const [group, members] of groups) {
      for (const parts of buckets(withGradient(members, group))) {
        const flat = tidy(() => cat(parts.map((part) => part.grad!.reshape([-1]))));
        bytes += flat.nbytes;
        pending.push({ reduced: group.startAllReduce_(flat), parts });
      }
    }
    for (const { reduced, parts } of pending) {
      const flat = reduced.wait();
      let at = 0;
      for (const part of parts) {
        part.grad = flat.narrow(0, at, part.numel).view(part.shape);
        at += part.numel;
      }
    }
    return bytes;
  });
}

/** Those of which any rank has a gradient; where this rank has none it is zero. */
function withGradient(parameters: Parameter[], group: Group): Parameter[] {
  const has = parameters.map((parameter) => (parameter.grad ? 1 : 0));
  const any = tidy(() => group.allReduce(tensor(has, { dtype: "uint8" }), "max").toArray<number[]>());
  return parameters.filter((parameter, at) => {
    if (any[at] && !has[at]) parameter.grad = zerosLike(parameter);
    return any[at] === 1;
  });
}

/** Of one dtype each, in reverse: the last layers' gradients are there first. */
function buckets(parameters: Parameter[]): Parameter[][] {
  const made: Parameter[][] = [];
  let room = 0;
  let last: string | undefined;
  for (const parameter of [...parameters].reverse()) {
    const { dtype } = parameter.grad!;
    if (room <= 0 || dtype !== last) {
      made.push([]);
      room = bucketBytes;
      last = dtype;
    }
    made.at(-1)!.push(parameter);
    room -= parameter.grad!.nbytes;
  }
  return made;
}

/**
 * The 2-norm of all gradients, of those of other ranks' experts too: ‖g‖² = ‖replicated‖² + Σ over ranks ‖divided‖²
 * (Paddle's ClipGradForMOEByGlobalNorm). The same on every rank, once {@link reduceGradients} has run.
 * @returns float32 without dimensions
 */
export function gradientNorm(parameters: Iterable<Parameter>, mesh: Mesh): Tensor {
  return tidy(() =>
    noGrad(() => {
      const own = { replicated: [] as Tensor[], divided: [] as Tensor[] };
      for (const { grad, division } of parameters)
        if (grad) own[division ? "divided" : "replicated"].push(grad);
      const divided = mesh.group("expert").allReduce(squared(own.divided));
      return squared(own.replicated).add(divided).sqrt().to("float32");
    }),
  );
}

/** Sum of squares, float64 without dimensions. */
function squared(gradients: Tensor[]): Tensor {
  if (gradients.length === 0) return zeros([], { dtype: "float64" });
  const norms = gradients.map((gradient) => _foreachNorm([gradient], 2)[0].to("float64"));
  return stack(norms).square().sum();
}

/** Gives all ranks the parameters' values of the first rank that has each. */
export function broadcastParameters(parameters: Iterable<Parameter>, mesh: Mesh): void {
  noGrad(() => {
    for (const parameter of parameters) replicas(mesh, parameter).broadcast_(parameter.detach());
  });
}
