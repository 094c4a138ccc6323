/** Ranks of which rank 1 fails in the way that the first argument names; the others print what they are told, and when. */
import { dist, torch } from "../../dist/src/index.js";

const [way] = process.argv.slice(2);
const group = await dist.init({ timeout: way === "hangs" ? 4 : 60, connectTimeout: 60 });
const other = dist.divide("all but one", [
  [1],
  Array.from({ length: group.size }, (_, at) => at).filter((at) => at !== 1),
]);
group.barrier();
const x = torch.ones([200_000]);

function outcome(collective) {
  const start = performance.now();
  try {
    collective();
    return { message: "no error", milliseconds: performance.now() - start };
  } catch (fault) {
    return { message: fault.message.split("\n")[0], milliseconds: performance.now() - start };
  }
}

if (group.rank === 1) {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(pause, 0, 0, 300); // the others wait in their collective
  if (way === "is killed") process.kill(process.pid, "SIGKILL");
  if (way === "hangs") Atomics.wait(pause, 0, 0, 8000);
  if (way === "throws") throw new Error("a mistake");
  if (way === "leaves") dist.close();
  if (way === "calls another collective") outcome(() => group.allGather(x));
  if (way === "has another shape") outcome(() => group.allReduce(torch.ones([300_000])));
  process.exit(0);
}
const first = outcome(() => group.allReduce(x));
const again = outcome(() => group.barrier());
// A group without the rank that failed is as it was.
const spared = other.allReduce(torch.tensor([1])).item();
console.log(JSON.stringify({ first, again, spared }));
