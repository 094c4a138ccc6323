import * as torch from "../src/torch/index.js";
import { clipFactor, gradientsOf, squaredNorms } from "../src/train/gradients.js";
import { type AdamOptions, AdamW } from "../src/train/optimizers/adam.js";
import { alternate } from "./harness/alternate.js";
import { type Benchmark, type BenchmarkCase, compare } from "./harness/benchmark.js";
import { Python } from "./harness/python.js";

/** Parameters of an MoE layer with 16 experts, and what is small beside them. */
const model = [[16, 2048, 512], [16, 512, 1024], [512, 2048], [16, 512], [512]];
const small = Array.from({ length: 2000 }, () => [1000]);

interface Case {
  name: string;
  shapes: number[][];
  clip: boolean;
  half?: boolean;
  options?: AdamOptions;
}

const cases: Case[] = [
  { name: "f32, 26 million parameters", shapes: model, clip: false },
  { name: "f32, 26 million parameters, clipped", shapes: model, clip: true },
  { name: "f32, 2000 tensors of 1000", shapes: small, clip: true },
  { name: "bf16 with f32 masters, clipped", shapes: model, clip: true, half: true },
  {
    name: "bf16 with f32 masters, bf16 moments, clipped",
    shapes: model,
    clip: true,
    half: true,
    options: { moments: "bf16" },
  },
];

/** From gradients to new parameters: the norm that clipping needs, and a step of AdamW, against the faster of PyTorch's. */
async function optimizerStep(progress: (line: string) => void): Promise<BenchmarkCase[]> {
  const python = await Python.start("bench/optimizerStep.py");
  const results: BenchmarkCase[] = [];
  try {
    for (const { name, shapes, clip, half = false, options } of cases) {
      await python.call("prepare", { shapes, half });
      const kind = await python.call<string>("best", { clip });
      const dtype = half ? "bfloat16" : "float32";
      const parameters = shapes.map((shape) => torch.randn(shape).to(dtype).requiresGrad_());
      for (const parameter of parameters) parameter.grad = torch.randn(parameter.shape).mul(0.01).to(dtype);
      const named = parameters.map((parameter, at) => [`p${at}`, parameter] as const);
      const optimizer = new AdamW({ namedParameters: () => named }, options);
      const ours = () => {
        const start = performance.now();
        torch.tidy(() => {
          let gradientScale = 1;
          if (clip) {
            const squares = squaredNorms(gradientsOf(parameters).tensors).sum().item();
            gradientScale = clipFactor(Math.sqrt(squares), 1);
          }
          optimizer.step(1e-3, { gradientScale });
        });
        return performance.now() - start;
      };
      ours();
      const measured = await alternate(ours, () => python.call("step", { kind, clip }), { rounds: 8 });
      const result = compare(name, measured, "ms", `torch.optim.AdamW, ${kind}`);
      progress(`${name}: ${result.ours} ms, ${result.note} ${result.baseline} ms, ratio ${result.ratio}`);
      results.push(result);
      for (const tensor of [...parameters, ...Object.values(optimizer.stateDict())]) tensor.dispose();
      torch.collectGarbage();
    }
  } finally {
    await python.stop();
  }
  return results;
}

export const benchmark: Benchmark = { name: "optimizer-step", run: optimizerStep };
