import { MoELayer } from "../src/moe/index.js";
import * as torch from "../src/torch/index.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";

const sizes = { dim: 512, hidden: 2048, experts: 8, topK: 2 };
const tokens = 2048;
const dtypes = ["float32", "bfloat16"] as const;
const variants = ["grouped", "loop"] as const;

/** Milliseconds of one pass, gate and dispatch included. */
function pass(layer: MoELayer, x: torch.Tensor, backward: boolean): number {
  layer.zeroGrad();
  x.grad = null;
  return torch.tidy(() => {
    const start = performance.now();
    const y = layer.forward(x);
    if (backward) y.backward(torch.onesLike(y));
    return performance.now() - start;
  });
}

/**
 * One layer of SwiGLU experts, dropless. The baseline is the faster of two ways to write it in PyTorch: grouped
 * products over fused weights, and a loop over experts with weights of their own.
 */
async function moeLayer(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const python = await Python.start("bench/moeLayer.py");
  const cases: BenchmarkCase[] = [];
  try {
    for (const dtype of dtypes) {
      const layer = new MoELayer({ ...sizes, std: 0.02 });
      layer.experts.to(dtype);
      const x = torch.keep(torch.randn([tokens, sizes.dim]).to(dtype).detach().requiresGrad_());
      for (const backward of [false, true]) {
        const results = [];
        for (const variant of variants) {
          const baseline = () => python.call("measure", { dtype, variant, backward });
          results.push({ variant, ...(await alternate(() => pass(layer, x, backward), baseline)) });
        }
        const ours = Math.min(...results.map((result) => result.ours));
        const { variant, baseline } = results.sort((a, b) => a.baseline - b.baseline)[0];
        const name = `${dtype}, ${backward ? "forward and backward" : "forward"}`;
        const note = `${tokens} tokens, 8 experts, top-2, dim 512, hidden 2048, SwiGLU; baseline: ${variant}`;
        const result = compare(name, { ours, baseline }, "ms", note);
        progress(
          `${name}: ${result.ours} ms, PyTorch (${variant}) ${result.baseline} ms, ratio ${result.ratio}`,
        );
        cases.push(result);
      }
    }
  } finally {
    await python.stop();
  }
  return cases;
}

export const benchmark: Benchmark = { name: "moe-layer", run: moeLayer };
