//! differs: a cell takes the values that a module has when it is imported
import { counter50, increment50 } from "./parts/counter.js";
console.log(counter50);
increment50();
increment50();
console.log(counter50);
