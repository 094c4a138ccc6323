import { dispatch, MoELayer, permute, unpermute } from "../src/moe/index.js";
import * as torch from "../src/torch/index.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { dtypes, type Sizes, shapes, tokens } from "./moeLayerShapes.js";

const rounds = 9;

/** Milliseconds of one pass from `x` to what `forward` makes of it. */
function pass(layer: MoELayer, x: torch.Tensor, backward: boolean, forward: () => torch.Tensor): number {
  layer.zeroGrad();
  x.grad = null;
  return torch.tidy(() => {
    const start = performance.now();
    if (!backward) torch.noGrad(forward);
    else {
      const y = forward();
      y.backward(torch.onesLike(y));
    }
    return performance.now() - start;
  });
}

/** The layer with experts that do nothing: gate, permute, unpermute, each with its gradient. */
function routed(layer: MoELayer, x: torch.Tensor): torch.Tensor {
  const { experts, weights } = layer.gate.forward(x);
  const dispatched = dispatch(experts, layer.expertCount);
  return unpermute(permute(x, dispatched, experts.shape[1]), weights, dispatched);
}

/**
 * Gate, permute and unpermute as operators of their own, as a share of the whole layer's time in the same run. That is more
 * than they cost within it: there the experts' operator moves rows on its way.
 */
async function routingShare(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const cases: BenchmarkCase[] = [];
  for (const [short, dtype] of Object.entries(dtypes)) {
    for (const sizes of shapes) cases.push(...(await casesOf(short, dtype, sizes, progress)));
  }
  return cases;
}

async function casesOf(
  short: string,
  dtype: torch.DType,
  { experts, k, dim, hidden }: Sizes,
  progress: (line: string) => void,
): Promise<BenchmarkCase[]> {
  const layer = new MoELayer({ dim, hidden, experts, topK: k, std: 0.02 });
  layer.experts.to(dtype);
  const x = torch.keep(torch.randn([tokens, dim]).to(dtype).detach().requiresGrad_());
  const cases: BenchmarkCase[] = [];
  for (const backward of [false, true]) {
    const measured = await alternate(
      () => pass(layer, x, backward, () => routed(layer, x)),
      () => pass(layer, x, backward, () => layer.forward(x)),
      { rounds },
    );
    const name = `${short} E=${experts} k=${k} d=${dim} f=${hidden} ${backward ? "fwd+bwd" : "fwd"}`;
    const result = compare(name, measured, "ms", "the whole layer");
    progress(`${name}: ${result.ours} of ${result.baseline} ms, ${(100 * result.ratio).toFixed(1)} %`);
    cases.push(result);
  }
  x.dispose();
  return cases;
}

export const benchmark: Benchmark = { name: "routing-share", run: routingShare };
