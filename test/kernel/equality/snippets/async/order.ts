//! whole: between two cells all promises and timers have their turn
Promise.resolve().then(() => console.log("micro 1")).then(() => console.log("micro 2"));
queueMicrotask(() => console.log("queued"));
process.nextTick(() => console.log("tick"));
console.log("sync");
await null;
console.log("after one await");
await new Promise<void>((resolve) => setTimeout(() => { console.log("timeout"); resolve(); }, 1));
console.log("after timeout");
setImmediate(() => console.log("immediate"));
await new Promise((resolve) => setTimeout(resolve, 10));
