//! alone: imports come first in one text
//! whole: imports come first in one text
console.log("body");
console.log(order42);
import { order42 } from "./parts/order.js";
import "./parts/sideEffect.js";
console.log((globalThis as any).sideEffects42);
