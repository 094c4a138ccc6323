import half41, { double as twice41, type Pair41, kind41 } from "./parts/arithmetic.js";
import * as arithmetic41 from "./parts/arithmetic.js";
const pair41: Pair41 = [1, 2];
console.log(half41(8), twice41(pair41[1]), kind41, Object.keys(arithmetic41));
console.log(arithmetic41.default === half41, (await import("./parts/arithmetic.js")).double === twice41);
