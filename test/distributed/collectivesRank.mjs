/** A rank that checks every collective against what it computes alone from all ranks' inputs; prints what it saw. */
import { dist, torch } from "../../dist/src/index.js";

const group = await dist.init({ timeout: 60 });
const { rank, size } = group;
const everyone = Array.from({ length: size }, (_, at) => at);
const faults = [];
let checks = 0;

/** What a rank contributes: any rank can make it. */
function input(from, shape, dtype, seed = 0) {
  torch.manualSeed(1000 * seed + from);
  const x = torch.randn(shape).mul(3);
  return ["int64", "int32", "uint8"].includes(dtype) ? x.abs().to(dtype) : x.to(dtype);
}
/** The same bits. */
function same(what, got, expected) {
  checks++;
  const equal =
    String(got.shape) === String(expected.shape) &&
    got.dtype === expected.dtype &&
    torch.equal(got, expected);
  if (!equal) faults.push(`rank ${rank}: ${what}: ${got} instead of ${expected}`.slice(0, 600));
}
/** In the order of the ranks, 16-bit numbers in float32, as documented. */
function reduced(parts, op) {
  const { dtype } = parts[0];
  const wide = parts.map((part) => (["bfloat16", "float16"].includes(dtype) ? part.float() : part));
  const two = { sum: "add", mean: "add", max: "maximum", min: "minimum" }[op];
  const all = wide.slice(1).reduce((sum, part) => torch[two](sum, part), wide[0]);
  return (op === "mean" ? all.div(size) : all).to(dtype);
}

// From one element to more than is sent at once and more than is taken from the other's memory at once.
for (const dtype of ["float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8"]) {
  for (const elements of [0, 1, 7, 5000, 123_457, ...(dtype === "float32" ? [3_400_001] : [])]) {
    for (const op of ["sum", "mean", "max", "min"]) {
      if (op === "mean" && dtype.includes("int")) continue;
      if (elements > 5000 && op !== "sum") continue;
      const parts = everyone.map((from) => input(from, [elements], dtype));
      same(`allReduce ${dtype} ${elements} ${op}`, group.allReduce(parts[rank], op), reduced(parts, op));
    }
  }
}
for (const columns of [1, 3, 4000]) {
  for (const rowsOf of [(at) => at, () => 2, (at) => (at === size - 1 ? 5 : 0), () => 0]) {
    const rows = everyone.map(rowsOf);
    const parts = everyone.map((from) => input(from, [rows[from], columns], "float32"));
    same(`allGather ${rows}`, group.allGather(parts[rank], rows), torch.cat(parts));
    const total = rows.reduce((a, b) => a + b, 0);
    const whole = everyone.map((from) => input(from, [total, columns], "float32", 1));
    const first = rows.slice(0, rank).reduce((a, b) => a + b, 0);
    same(
      `reduceScatter ${rows}`,
      group.reduceScatter(whole[rank], rows),
      reduced(whole, "sum").narrow(0, first, rows[rank]),
    );
  }
  for (const count of [(from, to) => (from * 3 + to * 5) % 4, (_, to) => (to === 0 ? 3 : 0), () => 0]) {
    const send = everyone.map((to) => count(rank, to));
    const sum = (from) => everyone.reduce((all, to) => all + count(from, to), 0);
    const parts = everyone.map((from) => input(from, [sum(from), columns], "bfloat16"));
    const expected = everyone.map((from) => {
      const first = everyone.slice(0, rank).reduce((all, to) => all + count(from, to), 0);
      return parts[from].narrow(0, first, count(from, rank));
    });
    same(`allToAll ${send}`, group.allToAll(parts[rank], send), torch.cat(expected));
  }
}
for (const root of everyone) {
  const parts = everyone.map((from) => input(from, [70_001], "float32"));
  same(`broadcast from ${root}`, group.broadcast_(parts[rank].clone(), root), parts[root]);
}

// In the background: several under way at once, while this rank computes, and a blocking one among them.
{
  const parts = everyone.map((from) => input(from, [300_000], "float32", 2));
  const pending = [1, 2, 3].map((factor) => group.startAllReduce_(parts[rank].mul(factor)));
  const gathered = group.startAllGather(parts[rank]);
  const scattered = group.startReduceScatter(torch.cat(everyone.map(() => parts[rank])));
  const exchanged = group.startAllToAll(
    torch.cat(everyone.map(() => parts[rank].narrow(0, 0, 100))),
    everyone.map(() => 100),
    everyone.map(() => 100),
  );
  const blocking = group.allReduce(torch.tensor([rank + 1]));
  same("a blocking one among others", blocking, torch.tensor([(size * (size + 1)) / 2]));
  pending.forEach((each, at) => {
    same(
      `allReduce in the background ${at}`,
      each.wait(),
      reduced(
        parts.map((part) => part.mul(at + 1)),
        "sum",
      ),
    );
    if (!each.finished) faults.push("a collective that was waited for counts as under way");
  });
  same("allGather in the background", gathered.wait(), torch.cat(parts));
  same("reduceScatter in the background", scattered.wait(), reduced(parts, "sum"));
  same(
    "allToAll in the background",
    exchanged.wait(),
    torch.cat(parts.map((part) => part.narrow(0, 0, 100))),
  );
}

// Gradients of the sum of the ranks' losses: each rank's loss weighs what it gets with factors of its own.
{
  const factor = (of, shape) => input(of, shape, "float64", 7);
  const gradient = (x, forward) => {
    const leaf = x.detach().clone();
    leaf.requiresGrad = true;
    const y = forward(leaf);
    y.mul(factor(rank, y.shape)).sum().backward();
    return leaf.grad;
  };
  const factors = (shape) => everyone.map((of) => factor(of, shape));
  const x = input(rank, [size * 2, 3], "float64");
  const sum = reduced(factors(x.shape), "sum");
  same(
    "gradient of allReduce",
    gradient(x, (y) => group.allReduce(y)),
    sum,
  );
  same(
    "gradient of the mean",
    gradient(x, (y) => group.allReduce(y, "mean")),
    reduced(factors(x.shape), "mean"),
  );
  const rows = everyone.map((at) => at + 1);
  const mine = input(rank, [rank + 1, 3], "float64");
  const total = (size * (size + 1)) / 2;
  const gathered = reduced(factors([total, 3]), "sum").narrow(0, (rank * (rank + 1)) / 2, rank + 1);
  same(
    "gradient of allGather",
    gradient(mine, (y) => group.allGather(y, rows)),
    gathered,
  );
  same(
    "gradient of reduceScatter",
    gradient(x, (y) => group.reduceScatter(y)),
    torch.cat(factors([2, 3])),
  );
  const send = everyone.map((to) => (rank + to) % 3);
  const some = input(rank, [send.reduce((a, b) => a + b, 0), 2], "float64");
  const back = everyone.map((to) => {
    const received = everyone.map((from) => (from + to) % 3);
    const first = received.slice(0, rank).reduce((a, b) => a + b, 0);
    return factor(to, [received.reduce((a, b) => a + b, 0), 2]).narrow(0, first, send[to]);
  });
  same(
    "gradient of allToAll",
    gradient(some, (y) => group.allToAll(y, send)),
    torch.cat(back),
  );
  same(
    "gradient of copyTo",
    gradient(x, (y) => group.copyTo(y)),
    sum,
  );
  same(
    "gradient of reduceFrom",
    gradient(x, (y) => group.reduceFrom(y)),
    factor(rank, x.shape),
  );
}

const before = group.traffic;
group.allToAll(
  torch.zeros([size * 10, 4]),
  everyone.map(() => 10),
  everyone.map(() => 10),
);
const after = group.traffic;
const sent = { messages: after.messages - before.messages, bytes: after.bytes - before.bytes };
console.log(JSON.stringify({ checks, faults, sent }));
dist.close();
