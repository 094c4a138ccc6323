//! alone: other snippets use these names
const name = "own";
const { log: print11 } = console;
let status = 1;
const performance = { now: () => "mine" };
class Map {
  size = 11;
}
function fetch(url: string) {
  return `fetched ${url}`;
}
const process = "p";
status += 1;
print11(name, status, performance.now(), new Map().size, fetch("u"), process, { name, process });
print11(typeof globalThis.Map, new globalThis.Map().size, typeof globalThis.process);
