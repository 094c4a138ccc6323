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

/** Hidden units of experts that cost next to nothing. */
const fewest = 16;

/**
 * What routing takes of a layer's time, in the same run, measured in two ways: gate, permute and unpermute as operators of
 * their own, which write and read the rows once more than the layer does, where the experts' operator moves them on its
 * way; and the layer with experts of so few hidden units that little but routing is left.
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
  const make = (units: number) => {
    const layer = new MoELayer({ dim, hidden: units, experts, topK: k, std: 0.02 });
    layer.experts.to(dtype);
    return layer;
  };
  const layer = make(hidden);
  const small = make(fewest);
  const x = torch.keep(torch.randn([tokens, dim]).to(dtype).detach().requiresGrad_());
  const cases: BenchmarkCase[] = [];
  for (const backward of [false, true]) {
    const whole = () => pass(layer, x, backward, () => layer.forward(x));
    const ways = {
      operators: () => pass(layer, x, backward, () => routed(layer, x)),
      [`experts of ${fewest} units`]: () => pass(small, x, backward, () => small.forward(x)),
    };
    for (const [way, routing] of Object.entries(ways)) {
      const measured = await alternate(routing, whole, { rounds });
      const name = `${short} E=${experts} k=${k} d=${dim} f=${hidden} ${backward ? "fwd+bwd" : "fwd"}, ${way}`;
      const result = compare(name, measured, "ms", "the whole layer");
      progress(`${name}: ${result.ours} of ${result.baseline} ms, ${(100 * result.ratio).toFixed(1)} %`);
      cases.push(result);
    }
  }
  x.dispose();
  return cases;
}

export const benchmark: Benchmark = { name: "routing-share", run: routingShare };
