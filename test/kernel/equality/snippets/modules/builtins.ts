//! whole: between two cells all promises have their turn
import { readFileSync as read43 } from "node:fs";
import path43, { basename as base43 } from "node:path";
import { setTimeout as sleep43 } from "node:timers/promises";
import assert43 from "node:assert/strict";
assert43.equal(typeof read43, "function");
console.log(path43.join("a", "..", "b"), base43("/x/y.ts"), await sleep43(1, "slept"));
import { EventEmitter as Emitter43, once as once43 } from "node:events";
const emitter43 = new Emitter43();
queueMicrotask(() => emitter43.emit("e", 1));
console.log(await once43(emitter43, "e"));
