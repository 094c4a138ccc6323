//! throws
interface Config61 {
  depth: number;
}

function fail61(config: Config61): never {
  throw new RangeError(`depth ${config.depth} is too deep`);
}
console.log("before");
fail61({ depth: 3 });
console.log("never");
