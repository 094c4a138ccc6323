import { operatorMethod } from "./operator.js";
import { methodOperators } from "./operators.generated.js";
import { Tensor } from "./tensor.js";

function define(method: string, value: (this: Tensor, ...args: unknown[]) => unknown): void {
  // So that stack traces name it.
  Object.defineProperty(value, "name", { value: method, configurable: true });
  Object.defineProperty(Tensor.prototype, method, { configurable: true, writable: true, value });
}

/** Puts the operators that take `self` on the prototype; each is compiled at its first call. */
for (const [method, name] of Object.entries(methodOperators)) {
  define(method, function (...args) {
    const compiled = operatorMethod(name);
    define(method, compiled);
    return compiled.apply(this, args);
  });
}
