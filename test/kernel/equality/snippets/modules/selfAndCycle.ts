import { ping53 } from "./parts/cycleA.js";
console.log(ping53(3));
const failed53 = await import("./parts/throws.js").catch((error: Error) => `${error.name}: ${error.message}`);
console.log(failed53);
const missing53 = await import("./parts/nowhere.js" as string).catch((error: any) => error.code);
console.log(missing53);
