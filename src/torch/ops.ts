import { type OperatorFunction, operator } from "./operator.js";

type Namespace = Record<string, OperatorFunction>;

const namespaces = new Map<string, Namespace>();

function namespaceOf(name: string): Namespace {
  let namespace = namespaces.get(name);
  if (!namespace) {
    const functions = new Map<string, OperatorFunction>();
    namespace = new Proxy({} as Namespace, {
      get(_, base) {
        if (typeof base !== "string") return undefined;
        let found = functions.get(base);
        if (!found) {
          found = operator(`${name}::${base}`);
          functions.set(base, found);
        }
        return found;
      },
    });
    namespaces.set(name, namespace);
  }
  return namespace;
}

/**
 * Every operator of the dispatcher by its own name: `torch.ops.aten.special_bessel_j0(x)`,
 * `torch.ops.moelab.order_by_expert(…)`. Arguments in schema order, the last may be an object with named ones.
 */
export const ops: Record<string, Namespace> = new Proxy({} as Record<string, Namespace>, {
  get: (_, name) => (typeof name === "string" ? namespaceOf(name) : undefined),
});
