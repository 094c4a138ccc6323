import * as live71 from "./parts/counter.js";
const before71 = live71.counter50;
live71.increment50();
console.log(live71.counter50 - before71, Object.prototype.toString.call(live71));
