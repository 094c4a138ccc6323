// Calls operators with random arguments for a while: node fuzzOperators.mjs SEED SECONDS LOG
// The call in progress is written to LOG, so that a crash names its cause.
import { ftruncateSync, openSync, writeSync } from "node:fs";
import { addon } from "../../dist/src/engine/addon.js";
import * as torch from "../../dist/src/torch/index.js";
import { callableOverloads, camelCase } from "../../dist/src/torch/operator.js";
import { operatorNames } from "../../dist/src/torch/operatorNames.js";

const [seed, seconds, logPath] = process.argv.slice(2);

let state = Number(seed) >>> 0 || 1;
function random() {
  // xorshift32
  state ^= state << 13;
  state >>>= 0;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return state / 2 ** 32;
}
const below = (count) => Math.floor(random() * count);
const pick = (list) => list[below(list.length)];

const dtypes = [
  "uint8",
  "int8",
  "int16",
  "int32",
  "int64",
  "float16",
  "float32",
  "float64",
  "bfloat16",
  "bool",
];
// Nothing between "small" and "cannot be allocated": what is in between only takes time.
const integers = [
  -3,
  -2,
  -1,
  0,
  0,
  1,
  1,
  2,
  2,
  3,
  4,
  7,
  -(2 ** 40),
  2 ** 40,
  2 ** 53,
  -(2 ** 62),
  2 ** 62,
  1e300,
  NaN,
  0.5,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 70n,
];
const smallIntegers = [-2, -1, 0, 1, 2, 3, 4];
const shapes = [[], [0], [1], [3], [2, 3], [3, 3], [3, 0], [1, 2, 3], [2, 3, 4, 4], [2, 1, 3, 2, 2]];

const disposed = torch.ones([2]);
disposed.dispose();

function tensor() {
  if (random() < 0.02) return disposed;
  const shape = pick(shapes);
  const dtype = pick(dtypes);
  let made = random() < 0.5 ? torch.ones(shape, { dtype }) : torch.randn(shape).mul(3).to(dtype);
  if (made.ndim > 1 && random() < 0.3) made = made.transpose(0, 1);
  if (random() < 0.1 && shape.length > 0) made = made.narrow(0, 0, 0);
  if (random() < 0.3 && dtype.includes("float")) made.requiresGrad_();
  return made;
}

function integer() {
  return random() < 0.8 ? pick(smallIntegers) : pick(integers);
}

const list = (make) => Array.from({ length: below(4) }, make);

function fitting(kind) {
  switch (kind) {
    case "tensor":
      return tensor();
    case "tensorList":
      return list(tensor);
    case "optionalTensorList":
      return list(() => (random() < 0.3 ? null : tensor()));
    case "integer":
      return integer();
    case "integerList":
      return random() < 0.1 ? integer() : list(integer);
    case "scalar":
    case "real":
      return pick([0, 1, -1, 2.5, NaN, Infinity, -Infinity, 1e308, 2 ** 53, 2n ** 62n, true]);
    case "realList":
    case "scalarList":
      return list(() => pick([0, 1, 2.5, NaN]));
    case "boolean":
      return random() < 0.5;
    case "booleanList":
      return list(() => random() < 0.5);
    case "dtype":
      return pick(dtypes);
    case "device":
      return pick(["cpu", "cpu:0", "cuda", "meta", "nowhere", ""]);
    case "memoryFormat":
      return pick(["contiguous", "preserve", "channelsLast"]);
    case "string":
      return pick(["", "sum", "mean", "linear", "ij,jk->ik", "none", "tanh", "a\0b", "ü"]);
    default:
      return undefined;
  }
}

function anything() {
  const circular = [];
  circular.push(circular);
  return pick([
    undefined,
    null,
    NaN,
    -1,
    1e300,
    "text",
    "\0",
    Symbol("s"),
    () => 1,
    {},
    [],
    [[1], [2]],
    [undefined],
    new Array(3),
    circular,
    [disposed],
    new Float32Array(2),
    new Map(),
    2n ** 64n,
    Object.create(null),
    new Proxy([1], {}),
    tensor(),
  ]);
}

const plans = operatorNames.flatMap((name) =>
  callableOverloads(`aten::${name}`).map((overload) => ({ name, overload })),
);
const log = openSync(logPath, "w");
let done = 0;
let failed = 0;
const end = Date.now() + Number(seconds) * 1000;
while (Date.now() < end) {
  const { name, overload } = pick(plans);
  const wild = random() < 0.15;
  const args = [];
  const options = {};
  for (const parameter of overload.parameters) {
    if ((parameter.hasDefault || parameter.optional) && random() < 0.6) {
      if (args.length > 0 && !parameter.keywordOnly && Object.keys(options).length === 0)
        args.push(undefined);
      continue;
    }
    const value = wild && random() < 0.3 ? anything() : fitting(parameter.kind);
    if (parameter.keywordOnly) options[camelCase(parameter.name)] = value;
    else args.push(value);
  }
  if (wild && random() < 0.2) options[pick(["unknown", "dim", "__proto__", "out"])] = anything();
  if (wild && random() < 0.1) for (let i = 0; i < 45; i++) args.push(anything());
  if (Object.keys(options).length > 0) args.push(options);
  const text = `${name}.${overload.overload}(${args.map(show).join(", ")})\n`;
  ftruncateSync(log, 0);
  writeSync(log, text, 0);
  try {
    const result = torch.ops.aten[name](...args);
    if (result instanceof torch.Tensor && random() < 0.2) {
      String(result);
      if (result.requiresGrad && !result.isLeaf) result.sum().backward();
    }
  } catch (error) {
    if (!(error instanceof Error) || error.message === "")
      throw new Error(`not a telling Error: ${String(error)} from ${text}`);
    failed++;
  }
  done++;
}

function show(value) {
  if (value instanceof torch.Tensor)
    return value.disposed
      ? "disposed"
      : `T${JSON.stringify(value.shape)}:${String(value.dtype)}${value.requiresGrad ? ":grad" : ""}`;
  if (Array.isArray(value))
    return `[${value.length < 9 ? value.map((each) => (each === value ? "…" : show(each))).join(", ") : "…"}]`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `${key}: ${show(each)}`)
      .join(", ")}}`;
  return typeof value === "bigint" ? `${value}n` : String(value);
}

const { tensors } = addon().usage();
console.log(JSON.stringify({ done, failed, tensors }));
