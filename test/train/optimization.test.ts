import { expect, test } from "vitest";
import * as torch from "../../src/torch/index.js";
import * as train from "../../src/train/index.js";
import { evaluatePython } from "../python/run.js";

const shapes = [[5, 3], [3], [2, 3, 4], []];

/** The same numbers on both sides without a generator. */
function wave(shape: number[], phase: number): torch.Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float64Array.from({ length: count }, (_, at) => Math.sin(at * 1.7 + phase));
  return torch.fromTypedArray(values, shape).float();
}

const waveInPython = `import sys, json, math, torch
def wave(shape, phase):
    count = math.prod(shape)
    return torch.tensor([math.sin(at * 1.7 + phase) for at in range(count)], dtype=torch.float64).reshape(shape).float()
shapes = json.loads(sys.argv[1])
`;

const asParameters = (tensors: torch.Tensor[]) => ({
  namedParameters: () => tensors.map((tensor, at) => [`p${at}`, tensor] as const),
});

const flat = (tensors: torch.Tensor[]) =>
  tensors.flatMap((tensor) => Array.from(tensor.detach().asTypedArray({ copy: true }), Number));

function expectClose(ours: number[], theirs: number[], relative: number): void {
  expect(ours.length).toBe(theirs.length);
  for (const [at, value] of theirs.entries()) {
    expect(Math.abs(ours[at] - value)).toBeLessThanOrEqual(relative * Math.max(1e-3, Math.abs(value)));
  }
}

test("AdamW takes the steps of torch.optim.AdamW", () => {
  const parameters = shapes.map((shape, at) => wave(shape, at).requiresGrad_());
  const optimizer = train.adamw({ lr: 0.01, betas: [0.9, 0.95], weightDecay: 0.1 })(asParameters(parameters));
  for (let step = 0; step < 20; step++) {
    for (const [at, parameter] of parameters.entries()) {
      // One parameter is without a gradient now and then, as an expert without tokens is.
      parameter.grad = at === 1 && step % 3 === 0 ? null : wave(shapes[at], 10 * step + at);
    }
    optimizer.step(0.01 * (1 - step / 40));
    optimizer.zeroGrad();
  }
  const theirs = JSON.parse(
    evaluatePython(
      `${waveInPython}
ps = [wave(s, i).requires_grad_() for i, s in enumerate(shapes)]
opt = torch.optim.AdamW([{"params": [p for p in ps if p.ndim >= 2], "weight_decay": 0.1},
                         {"params": [p for p in ps if p.ndim < 2], "weight_decay": 0.0}], lr=0.01, betas=(0.9, 0.95))
for step in range(20):
    for group in opt.param_groups: group["lr"] = 0.01 * (1 - step / 40)
    for i, p in enumerate(ps): p.grad = None if i == 1 and step % 3 == 0 else wave(shapes[i], 10 * step + i)
    opt.step()
print(json.dumps([x for p in ps for x in p.detach().flatten().tolist()]))`,
      JSON.stringify(shapes),
    ),
  );
  expectClose(flat(parameters), theirs, 1e-6);
  expect(parameters.every(({ grad }) => grad === null)).toBe(true);
});

test("AdamW goes on from its saved state", () => {
  const once = shapes.map((shape, at) => wave(shape, at).requiresGrad_());
  const twice = shapes.map((shape, at) => wave(shape, at).requiresGrad_());
  const begin = train.adamw({ lr: 0.01 });
  const steps = (list: torch.Tensor[], optimizer: train.Optimizer, from: number, to: number) => {
    for (let step = from; step < to; step++) {
      for (const [at, parameter] of list.entries()) parameter.grad = wave(shapes[at], step + at);
      optimizer.step();
    }
  };
  steps(once, begin(asParameters(once)), 0, 6);
  const first = begin(asParameters(twice));
  steps(twice, first, 0, 3);
  const second = begin(asParameters(twice));
  second.loadStateDict(first.stateDict());
  steps(twice, second, 3, 6);
  expect(flat(twice)).toEqual(flat(once));
  expect(() => second.loadStateDict({ "p0.step": torch.tensor(1) })).toThrow(/missing/);
});

test("AdamW: tied parameters once, options checked", () => {
  const shared = torch.ones([2, 2]).requiresGrad_();
  const optimizer = train.adamw()({
    namedParameters: () => [
      ["a", shared],
      ["b", shared],
    ],
  });
  expect(Object.keys(optimizer.stateDict())).toEqual(["a.expAvg", "a.expAvgSq", "a.step"]);
  expect(() => train.adamw({ betas: [0.9, 1] })(asParameters([shared]))).toThrow(/betas\[1\] should be in/);
  expect(() => train.adamw()(asParameters([]))).toThrow(/no parameters/);
});

test.each([0.5, 100, Infinity])("clipping to %d is that of clip_grad_norm_", (maxNorm) => {
  const parameters = shapes.map((shape) => torch.zeros(shape).requiresGrad_());
  for (const [at, parameter] of parameters.entries()) parameter.grad = wave(shapes[at], at);
  const frozen = torch.zeros([2]);
  const norm = train.clipGradNorm([...parameters, frozen], maxNorm).item();
  const theirs = JSON.parse(
    evaluatePython(
      `${waveInPython}
ps = [torch.zeros(s).requires_grad_() for s in shapes]
for i, p in enumerate(ps): p.grad = wave(shapes[i], i)
norm = torch.nn.utils.clip_grad_norm_(ps, float(sys.argv[2]))
print(json.dumps([norm.item()] + [x for p in ps for x in p.grad.flatten().tolist()]))`,
      JSON.stringify(shapes),
      String(maxNorm).replace("Infinity", "inf"),
    ),
  );
  expectClose([norm, ...flat(parameters.map(({ grad }) => grad!))], theirs, 1e-6);
});

test("clipping without gradients, and with a limit that is none", () => {
  expect(train.clipGradNorm([torch.zeros([2])], 1).item()).toBe(0);
  expect(() => train.clipGradNorm([], 0)).toThrow(/maxNorm should be above 0/);
});

test("warm-up and cosine", () => {
  const factor = train.warmupCosine({ warmup: 4, minFactor: 0.1 });
  const at = (step: number) => factor(step, 105);
  expect([0, 1, 2, 3, 4].map(at)).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
  expect(at(54)).toBeCloseTo(0.55, 12);
  expect(at(29)).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 + Math.SQRT1_2), 12);
  expect(at(104)).toBeCloseTo(0.1, 12);
  expect(at(500)).toBeCloseTo(0.1, 12);
  expect(train.warmupCosine({ warmup: 10 })(2, 3)).toBeGreaterThan(0);
  expect(() => train.warmupCosine({ warmup: 5, minFactor: 2 })).toThrow(/minFactor/);
});
