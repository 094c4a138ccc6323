import { expect, test } from "vitest";
import * as torch from "../../src/torch/index.js";
import * as train from "../../src/train/index.js";
import { evaluatePython } from "../python/run.js";
import { expectClose, flat, wave, waveInPython } from "./optimizers/numbers.js";

const shapes = [[5, 3], [3], [2, 3, 4], []];

test("clipping is that of clip_grad_norm_", () => {
  const limits = [0.5, 100, Infinity];
  const theirs = JSON.parse(
    evaluatePython(
      `${waveInPython}
results = []
for limit in sys.argv[2:]:
    ps = [torch.zeros(s) for s in shapes]
    for i, p in enumerate(ps): p.grad = wave(shapes[i], i)
    norm = torch.nn.utils.clip_grad_norm_(ps, float(limit))
    results.append([norm.item()] + [x for p in ps for x in p.grad.flatten().tolist()])
print(json.dumps(results))`,
      JSON.stringify(shapes),
      ...limits.map((limit) => String(limit).replace("Infinity", "inf")),
    ),
  );
  for (const [at, limit] of limits.entries()) {
    const parameters = shapes.map((shape) => torch.zeros(shape).requiresGrad_());
    for (const [index, parameter] of parameters.entries()) parameter.grad = wave(shapes[index], index);
    const norm = train.clipGradNorm([...parameters, torch.zeros([2])], limit).item();
    expectClose([norm, ...flat(parameters.map(({ grad }) => grad!))], theirs[at], 1e-6);
  }
});

test("clipping without gradients, and with a limit that is none", () => {
  expect(train.clipGradNorm([torch.zeros([2])], 1).item()).toBe(0);
  expect(() => train.clipGradNorm([], 0)).toThrow(/maxNorm should be above 0/);
});
