import { models, moe, torch } from "../src/index.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";

interface Shape {
  name: string;
  model: models.MoETransformerOptions;
  /** Sequences of a batch. */
  batch: number;
  length: number;
}

const shapes: Shape[] = [
  {
    name: "quickstart: 3 layers, 8 experts, top-2, 1,024 tokens",
    model: {
      ...{ vocab: 1024, dim: 128, layers: 3, heads: 4, contextLength: 128 },
      moe: { experts: 8, topK: 2, hidden: 192, auxLoss: 0.01 },
    },
    batch: 8,
    length: 128,
  },
  {
    name: "2 layers, 64 experts, top-8, 2,048 tokens",
    model: {
      ...{ vocab: 1024, dim: 256, layers: 2, heads: 4, contextLength: 256 },
      moe: { experts: 64, topK: 8, hidden: 256, auxLoss: 0.01 },
    },
    batch: 8,
    length: 256,
  },
];

/** Most that recording may take of a step in which routing is recorded. */
const limit = 0.01;

async function share({ name, model: options, batch, length }: Shape): Promise<BenchmarkCase> {
  torch.manualSeed(1);
  const model = models.moeTransformer(options);
  const ids = torch.randint(options.vocab, [batch, length + 1]);
  const inputs = { inputs: ids.narrow(1, 0, length), targets: ids.narrow(1, 1, length) };
  const step = () =>
    torch.tidy(() => {
      model.zeroGrad();
      model.loss(inputs).loss.backward();
    });
  const time = (body: () => unknown) => () => {
    const began = performance.now();
    body();
    return performance.now() - began;
  };
  step();
  const measured = await alternate(
    time(() => moe.measureRouting(moe.routing(model))),
    time(step),
  );
  const verdict = measured.ours <= limit * measured.baseline ? "kept" : "EXCEEDED";
  return compare(
    name,
    measured,
    "ms",
    `the ratio is recording's share of a step, limit ${limit}: ${verdict}`,
  );
}

export async function routingStatistics(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const cases: BenchmarkCase[] = [];
  for (const shape of shapes) {
    const result = await share(shape);
    progress(`${shape.name}: ${(100 * result.ratio).toFixed(2)}% of a step of ${result.baseline} ms`);
    cases.push(result);
  }
  return cases;
}

export const benchmark: Benchmark = { name: "routing-statistics", run: routingStatistics };
