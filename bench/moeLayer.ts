import { MoELayer } from "../src/moe/index.js";
import * as torch from "../src/torch/index.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";
import { dtypes, shapes, tokens } from "./moeLayerShapes.js";

const variants = ["grouped", "slices", "loop"] as const;
const rounds = 5;

/** Milliseconds of one pass, gate and dispatch included. */
function pass(layer: MoELayer, x: torch.Tensor, backward: boolean): number {
  layer.zeroGrad();
  x.grad = null;
  return torch.tidy(() => {
    const start = performance.now();
    if (!backward) torch.noGrad(() => layer.forward(x));
    else {
      const y = layer.forward(x);
      y.backward(torch.onesLike(y));
    }
    return performance.now() - start;
  });
}

/**
 * One layer of SwiGLU experts, dropless, forward without history and forward with backward. The baseline is the fastest
 * of three ways to write it in PyTorch; dense dispatch, which drops tokens, is a case of its own.
 */
async function moeLayer(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const python = await Python.start("bench/moeLayer.py");
  const cases: BenchmarkCase[] = [];
  const add = (name: string, measured: { ours: number; baseline: number }, note: string) => {
    const result = compare(name, measured, "ms", note);
    progress(`${name}: ${result.ours} ms, ${note} ${result.baseline} ms, ratio ${result.ratio}`);
    cases.push(result);
  };
  try {
    for (const [short, dtype] of Object.entries(dtypes)) {
      for (const sizes of shapes) {
        const { experts, k, dim, hidden } = sizes;
        const layer = new MoELayer({ dim, hidden, experts, topK: k, std: 0.02 });
        layer.experts.to(dtype);
        const x = torch.keep(torch.randn([tokens, dim]).to(dtype).detach().requiresGrad_());
        for (const backward of [false, true]) {
          const against = (variant: string) =>
            alternate(
              () => pass(layer, x, backward),
              () => python.call("measure", { dtype, variant, backward, ...sizes }),
              { rounds },
            );
          const results = [];
          for (const variant of variants) results.push({ variant, ...(await against(variant)) });
          const ours = Math.min(...results.map((result) => result.ours));
          const { variant, baseline } = results.sort((a, b) => a.baseline - b.baseline)[0];
          const name = `${short} E=${experts} k=${k} d=${dim} f=${hidden} ${backward ? "fwd+bwd" : "fwd"}`;
          add(name, { ours, baseline }, `PyTorch, ${variant}`);
          if (experts === 64 && k === 8) {
            add(`${name}, dense dispatch`, await against("einsum"), "PyTorch, einsum with capacity 1.25");
          }
        }
        x.dispose();
      }
    }
  } finally {
    await python.stop();
  }
  return cases;
}

export const benchmark: Benchmark = { name: "moe-layer", run: moeLayer };
