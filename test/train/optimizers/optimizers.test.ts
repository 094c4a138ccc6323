import { join } from "node:path";
import { expect, test } from "vitest";
import * as torch from "../../../src/torch/index.js";
import * as train from "../../../src/train/index.js";
import { evaluatePython, root, runPython } from "../../python/run.js";
import { asParameters, expectClose, flat, wave, waveInPython } from "./numbers.js";

const shapes = [[5, 3], [3], [2, 3, 4], []];
const library = join(root, "native/build/Release/libmoelab_operators.so");

test.each(["scalar", "avx2", "avx512"])(
  "%s: a step is that of PyTorch's operators for all types, on any number of threads",
  (capability) => {
    const errors = JSON.parse(runPython(join(import.meta.dirname, "steps.py"), library, capability));
    expect(Object.keys(errors)).toHaveLength(103);
    const { threads, norms, float16, ...steps } = errors as Record<string, number>;
    expect(threads).toBe(0);
    expect(float16).toBe(0);
    expect(norms).toBeLessThan(1e-13);
    for (const [name, error] of Object.entries(steps)) {
      // Where values are rounded to 8 bits, a last bit of the arithmetic can decide which way one of thousands goes.
      expect(error, name).toBeLessThan(name.startsWith("full") ? 3e-6 : 1e-3);
    }
  },
);

interface Rule {
  ours: train.OptimizerFor;
  /** Of torch.optim, over the groups `decaying` and `other` of weight decay. */
  theirs: string;
}

const decay = 0.1;
const rules: Record<string, Rule> = {
  AdamW: {
    ours: train.adamw({ lr: 0.01, betas: [0.9, 0.95], weightDecay: decay }),
    theirs: "AdamW(groups, lr=0.01, betas=(0.9, 0.95))",
  },
  "AdamW, fused": {
    ours: train.adamw({ lr: 0.01, weightDecay: decay }),
    theirs: "AdamW(groups, lr=0.01, fused=True)",
  },
  Adam: {
    ours: train.adam({ lr: 0.01, weightDecay: decay, eps: 1e-6 }),
    theirs: "Adam(groups, lr=0.01, eps=1e-6)",
  },
  SGD: { ours: train.sgd({ lr: 0.1, weightDecay: decay }), theirs: "SGD(groups, lr=0.1)" },
  "SGD, momentum": {
    ours: train.sgd({ lr: 0.1, momentum: 0.9, dampening: 0.2, weightDecay: decay }),
    theirs: "SGD(groups, lr=0.1, momentum=0.9, dampening=0.2)",
  },
  "SGD, Nesterov": {
    ours: train.sgd({ lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: decay }),
    theirs: "SGD(groups, lr=0.1, momentum=0.9, nesterov=True)",
  },
};

test("50 steps are those of torch.optim", () => {
  const expected = JSON.parse(
    evaluatePython(
      `${waveInPython}
results = {}
for name, rule in json.loads(sys.argv[2]).items():
    ps = [wave(s, i).requires_grad_() for i, s in enumerate(shapes)]
    groups = [{"params": [p for p in ps if p.ndim >= 2], "weight_decay": ${decay}},
              {"params": [p for p in ps if p.ndim < 2], "weight_decay": 0.0}]
    opt = eval("torch.optim." + rule)
    base = opt.param_groups[0]["lr"]
    for step in range(50):
        for group in opt.param_groups: group["lr"] = base * (1 - step / 100)
        # One parameter is without a gradient now and then, as an expert without tokens is.
        for i, p in enumerate(ps): p.grad = None if i == 1 and step % 3 == 0 else wave(shapes[i], 10 * step + i)
        opt.step()
    results[name] = [x for p in ps for x in p.detach().flatten().tolist()]
print(json.dumps(results))`,
      JSON.stringify(shapes),
      JSON.stringify(Object.fromEntries(Object.entries(rules).map(([name, { theirs }]) => [name, theirs]))),
    ),
  );
  for (const [name, { ours }] of Object.entries(rules)) {
    const parameters = shapes.map((shape, at) => wave(shape, at).requiresGrad_());
    const optimizer = ours(asParameters(parameters));
    for (let step = 0; step < 50; step++) {
      for (const [at, parameter] of parameters.entries()) {
        parameter.grad = at === 1 && step % 3 === 0 ? null : wave(shapes[at], 10 * step + at);
      }
      optimizer.step(optimizer.lr * (1 - step / 100));
      optimizer.zeroGrad();
    }
    expect(parameters.every(({ grad }) => grad === null)).toBe(true);
    expectClose(flat(parameters), expected[name], 1e-6, 1);
  }
});

/** Loss of least squares after some steps from a fixed beginning. */
function fitted(
  dtype: torch.DType,
  make: train.OptimizerFor,
  steps = 400,
): { loss: number; weight: torch.Tensor } {
  const x = wave([64, 16], 1);
  const y = x.matmul(wave([16, 1], 2));
  const weight = torch.zeros([16, 1], { dtype }).requiresGrad_();
  const optimizer = make(asParameters([weight]));
  const lossOf = () => x.matmul(weight.float()).sub(y).square().mean();
  for (let step = 0; step < steps; step++) {
    torch.tidy(() => lossOf().backward());
    optimizer.step();
    optimizer.zeroGrad();
  }
  return { loss: lossOf().item(), weight };
}

test("master weights keep what bfloat16 parameters cannot, and the averages may be in bfloat16", () => {
  const start = fitted("float32", train.adamw(), 0).loss;
  const exact = fitted("float32", train.adamw({ lr: 1e-3, weightDecay: 0 }), 2000).loss;
  const options = { lr: 1e-3, weightDecay: 0 };
  const master = fitted("bfloat16", train.adamw(options), 2000);
  expect(exact).toBeLessThan(1e-3 * start);
  // Steps of 1e-3 are lost on weights of about 1, whose last place is 1/128.
  expect(master.loss).toBeLessThan(1e-3 * start);
  const halfMoments = fitted("float32", train.adamw({ ...options, moments: "bf16" }), 2000).loss;
  expect(halfMoments).toBeLessThan(1e-3 * start);
  const none = fitted("bfloat16", train.adamw({ ...options, masterWeights: false }), 2000).loss;
  expect(none).toBeLessThan(0.02 * start);
});

test("an average of squares in bfloat16 shrinks as it should", () => {
  const weight = torch.zeros([4096]).requiresGrad_();
  const optimizer = train.adamw({ lr: 0, moments: "bf16" })(asParameters([weight]));
  weight.grad = torch.ones([4096]);
  optimizer.step();
  weight.grad = torch.zeros([4096]);
  for (let step = 0; step < 1000; step++) optimizer.step();
  const mean = optimizer.stateDict()["p0.expAvgSq"].float().mean().item();
  expect(mean / (0.001 * 0.999 ** 1000)).toBeCloseTo(1, 1);
});

test("the state in any precision goes on to the same bits", () => {
  const steps = (list: torch.Tensor[], optimizer: train.Optimizer, from: number, to: number) => {
    for (let step = from; step < to; step++) {
      for (const [at, parameter] of list.entries()) {
        parameter.grad = wave(shapes[at], step + at).to(parameter.dtype);
      }
      optimizer.step();
    }
  };
  const makers = [
    train.adamw({ lr: 0.01, moments: "bf16" }),
    train.adam({ lr: 0.01, masterWeights: false }),
    train.sgd({ lr: 0.01, momentum: 0.9 }),
  ];
  for (const dtype of ["float32", "bfloat16", "float16"] as const) {
    for (const make of makers) {
      const begin = () => shapes.map((shape, at) => wave(shape, at).to(dtype).requiresGrad_());
      const once = begin();
      steps(once, make(asParameters(once)), 0, 6);
      const twice = begin();
      const first = make(asParameters(twice));
      steps(twice, first, 0, 3);
      const second = make(asParameters(twice));
      second.loadStateDict(first.stateDict());
      steps(twice, second, 3, 6);
      expect(flat(twice)).toEqual(flat(once));
    }
  }
});

test("groups by name, pattern and function have rates and decay of their own", () => {
  const names = ["layers.0.weight", "layers.0.bias", "layers.10.weight", "norm.scale"];
  const weights = names.map(() => torch.ones([2, 2]).requiresGrad_());
  const model = { namedParameters: () => names.map((name, at) => [name, weights[at]] as const) };
  const optimizer = train.sgd({
    lr: 0.1,
    groups: [
      { parameters: "layers.0", lr: 0.2 },
      { parameters: /^norm/, lr: 0 },
      { parameters: (name) => name.endsWith("10.weight"), weightDecay: 1 },
    ],
  })(model);
  for (const weight of weights) weight.grad = torch.ones([2, 2]);
  optimizer.step(0.05); // half of the rate, for all groups
  const values = weights.map((weight) => weight.select(0, 0).select(0, 0).item());
  expectClose(values, [0.9, 0.9, 1 - 0.05 * 2, 1], 1e-6);
  expect(() => train.adamw({ groups: [{ parameters: "layer" }] })(model)).toThrow(
    /groups\[0\] has no parameters: "layer" selects none.*layers\.0\.weight/,
  );
  expect(() => train.adamw({ groups: [{ parameters: "norm", rate: 1 } as never] })(model)).toThrow(
    /no option 'rate'/,
  );
});

test("a step makes what was packed from a parameter stale", () => {
  const weight = torch.ones([4]).requiresGrad_();
  weight.grad = torch.ones([4]);
  const before = torch.ops.aten._version(weight);
  train
    .sgd()(asParameters([weight]))
    .step();
  expect(torch.ops.aten._version(weight)).toBeGreaterThan(before);
});

test("lists that do not belong together are refused", () => {
  const call = (changes: Record<string, unknown>) => {
    const weight = [torch.ones([4])];
    const given = {
      gradients: weight,
      masters: [],
      averages: weight,
      squares: weight,
      steps: [torch.zeros([])],
      lr: [1],
      ...changes,
    };
    const { gradients, masters, averages, squares, steps, lr } = given;
    torch.ops.moelab.adam_step_([torch.ones([4])], gradients, masters, averages, squares, steps, {
      ...{
        lr,
        weightDecay: [0],
        seeds: [0],
        beta1: 0.9,
        beta2: 0.9,
        eps: 0,
        decoupled: true,
        biasCorrection: true,
      },
      gradientScale: 1,
    });
  };
  expect(() => call({})).not.toThrow();
  expect(() => call({ gradients: [] })).toThrow(/gradients: expected 1 entries/);
  expect(() => call({ gradients: [torch.ones([5])] })).toThrow(
    /gradient 0: expected the parameter's shape \[4\]/,
  );
  expect(() => call({ squares: [torch.ones([3])] })).toThrow(/average of squares 0/);
  expect(() => call({ masters: [torch.ones([4]).double()] })).toThrow(/master 0: expected float32/);
  expect(() => call({ steps: [torch.zeros([2])] })).toThrow(/step 0: expected one float32/);
  expect(() => call({ lr: [] })).toThrow(/lr: expected 1 entries/);
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
  expect(() => train.adamw({ betas: [0.9, 1] })(asParameters([shared]))).toThrow(
    /betas\[1\] must be a finite number/,
  );
  expect(() => train.adamw()(asParameters([]))).toThrow(/no parameters/);
});
