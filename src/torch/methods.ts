import { type OperatorFunction, operator } from "./operator.js";
import { methodOperators } from "./operators.generated.js";
import { Tensor } from "./tensor.js";

/** Puts the operators that take `self` on the prototype. */
for (const [method, name] of Object.entries(methodOperators)) {
  const call: OperatorFunction = operator(name);
  Object.defineProperty(Tensor.prototype, method, {
    configurable: true,
    writable: true,
    value: function (this: Tensor, a: any, b: any, c: any, d: any, e: any, f: any, g: any) {
      return call(this, a, b, c, d, e, f, g);
    },
  });
}
