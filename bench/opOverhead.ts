import * as torch from "../src/torch/index.js";
import { alternate, timePerCall } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";

type Body = () => unknown;

/** Each operator as a Python statement and the same in TypeScript. */
const operators: Record<string, { python: string; body(a: torch.Tensor, b: torch.Tensor): Body }> = {
  add: { python: "a.add(b)", body: (a, b) => () => a.add(b) },
  mul: { python: "a.mul(b)", body: (a, b) => () => a.mul(b) },
  "mul by a number": { python: "a.mul(2)", body: (a) => () => a.mul(2) },
  view: { python: "a.view((4,))", body: (a) => () => a.view([4]) },
  transpose: { python: "a.transpose(0, 1)", body: (a) => () => a.transpose(0, 1) },
  sum: { python: "a.sum(1)", body: (a) => () => a.sum(1) },
  matmul: { python: "a.matmul(b)", body: (a, b) => () => a.matmul(b) },
};

/** As many calls as a small training step makes: what a scope holds until it frees them. */
const callsInScope = 128;

function inScopes(body: Body): Body {
  return () =>
    torch.tidy(() => {
      for (let i = 0; i < callsInScope; i++) body();
    });
}

/** For tests: fewer operators and shorter measurements. */
export interface OpOverheadOptions {
  only?: string[];
  /** Calls in one measurement. Default 8192: every so often a collection is due, which counts. */
  count?: number;
  /** Default 60. */
  rounds?: number;
}

/**
 * What calling an operator costs: on 2×2 tensors the arithmetic is a small part. Ours is measured as users call it:
 * without a scope, where the garbage collector frees the results, and inside `tidy`. Python frees each result at once.
 */
export async function opOverhead(
  progress: (line: string) => void,
  { only = Object.keys(operators), count = 8192, rounds = 60 }: OpOverheadOptions = {},
): Promise<BenchmarkCase[]> {
  const python = await Python.start("bench/opOverhead.py");
  const cases: BenchmarkCase[] = [];
  try {
    for (const grad of [false, true]) {
      const a = torch.tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { requiresGrad: grad },
      );
      const b = torch.tensor(
        [
          [0.5, 0.25],
          [0.125, 1],
        ],
        { requiresGrad: grad },
      );
      for (const operator of only) {
        const { python: statement, body } = operators[operator];
        const call = body(a, b);
        const scope = inScopes(call);
        const forms: [string, () => number][] = [
          ["", () => timePerCall(call, count)],
          [", in tidy", () => timePerCall(scope, count / callsInScope) / callsInScope],
        ];
        for (const [form, ours] of forms) {
          const baseline = () => python.call("measure", { statement, grad, count });
          const name = `${operator}${grad ? ", with grad" : ""}${form}`;
          const result = compare(name, await alternate(ours, baseline, { rounds }), "ns");
          progress(`${name}: ${result.ours} ns, Python ${result.baseline} ns, ratio ${result.ratio}`);
          cases.push(result);
        }
      }
    }
  } finally {
    await python.stop();
  }
  return cases;
}

export const benchmark: Benchmark = { name: "op-overhead", run: opOverhead };
