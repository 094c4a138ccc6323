import { expect, test } from "vitest";
import * as train from "../../../src/train/index.js";
import { evaluatePython } from "../../python/run.js";
import { expectClose } from "../optimizers/numbers.js";

/** The factors of the first steps of a run of 50 with an optimizer's lr of 0.5. */
const factors = (schedule: train.Schedule, steps = 50) =>
  Array.from({ length: steps }, (_, step) => schedule(step, steps, 0.5));

test("linear, cosine and steps are torch.optim.lr_scheduler's", () => {
  const theirs = JSON.parse(
    evaluatePython(`import json, torch
def factors(make):
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, seen = make(opt, torch.optim.lr_scheduler), []
    for _ in range(50):
        seen.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    return seen
print(json.dumps([
    factors(lambda o, s: s.LinearLR(o, start_factor=1, end_factor=0.2, total_iters=49)),
    factors(lambda o, s: s.CosineAnnealingLR(o, T_max=49, eta_min=0.1)),
    factors(lambda o, s: s.StepLR(o, step_size=7, gamma=0.5)),
]))`),
  ) as number[][];
  expectClose(factors(train.linear({ minFactor: 0.2 })), theirs[0], 1e-12);
  expectClose(factors(train.cosine({ minFactor: 0.1 })), theirs[1], 1e-12);
  expectClose(factors(train.stepLR({ stepSize: 7, gamma: 0.5 })), theirs[2], 1e-12);
});

test("inverse square root and warm-up, stable, decay", () => {
  const inverse = train.inverseSqrt({ warmup: 4 });
  expectClose(
    [0, 3, 4, 16, 64].map((step) => inverse(step, 100, 1)),
    [0.2, 0.8, 1, 0.5, 0.25],
    1e-12,
  );
  const at = (shape: "linear" | "cosine" | "sqrt") => {
    const schedule = train.wsd({ warmup: 4, decay: 10, minFactor: 0.2, shape });
    return [0, 4, 89, 94, 99].map((step) => schedule(step, 100, 1));
  };
  expectClose(at("linear"), [0.2, 1, 1, 0.6, 0.2], 1e-12);
  expectClose(at("cosine"), [0.2, 1, 1, 0.6, 0.2], 1e-12);
  expectClose(at("sqrt"), [0.2, 1, 1, 0.2 + 0.8 * (1 - Math.SQRT1_2), 0.2], 1e-12);
  expect(() => train.wsd({ decay: 0 })).toThrow(/decay must be a whole number from 1/);
  expect(() => train.linear({ warmUp: 3 } as never)).toThrow(/did you mean 'warmup'/);
});

// The rate of update s is that of DeepSpeed's iteration s − 1; rates are 0.5 times the factor.
test("DeepSpeed's warm-ups", () => {
  const rates = (schedule: train.Schedule, steps: number[]) =>
    steps.map((step) => 0.5 * schedule(step, 50, 0.5));
  const log = (iteration: number) => Math.log(iteration + 1) / Math.log(10);
  const options = { warmupMinLr: 0.1, warmupMaxLr: 0.3, warmupNumSteps: 10 };
  expectClose(
    rates(train.warmupLR(options), [0, 1, 3, 10, 11, 40]),
    [0.1, 0.1, 0.1 + 0.2 * log(2), 0.1 + 0.2 * log(9), 0.3, 0.3],
    1e-12,
  );
  expectClose(
    rates(train.warmupLR({ warmupNumSteps: 10, warmupType: "linear" }), [0, 1, 3, 10, 11]),
    [0, 0, 0.1, 0.45, 0.5],
    1e-12,
  );
  expectClose(
    rates(train.warmupDecayLR({ ...options, totalNumSteps: 30 }), [3, 11, 21, 31, 49]),
    [0.1 + 0.2 * log(2), 0.3, 0.2, 0.1, 0.1],
    1e-12,
  );
  const cosine = train.warmupCosineLR({
    warmupNumSteps: 10,
    warmupMinRatio: 0.2,
    cosMinRatio: 0.1,
    warmupType: "linear",
  });
  expectClose(
    rates(cosine, [0, 1, 6, 30, 50]),
    [0, 0.1, 0.3, 0.5 * (0.1 + (0.9 * (1 + Math.cos(Math.PI * 0.5))) / 2), 0.05],
    1e-12,
  );
  const range = train.lrRangeTest({
    lrRangeTestMinLr: 0.01,
    lrRangeTestStepSize: 10,
    lrRangeTestStaircase: true,
  });
  expectClose(rates(range, [0, 9, 10, 25]), [0.01, 0.01, 0.02, 0.03], 1e-12);
  expect(() => train.warmupLR(options)(0, 50, 0)).toThrow(/lr must be above 0/);
});

test("DeepSpeed's OneCycle cycles rate and momentum", () => {
  const schedule = train.oneCycle({
    ...{ cycleMinLr: 0.1, cycleMaxLr: 0.5, cycleFirstStepSize: 4, cycleSecondStepSize: 8 },
    ...{ decayStepSize: 2, decayLrRate: 0.5, decayMomRate: 0.1 },
  });
  const rates = [0, 2, 4, 8, 12, 13, 15].map((step) => 0.5 * schedule(step, 50, 0.5));
  // After the cycle: 0.1 / (1 + 0.5 · updates / 2)
  expectClose(rates, [0.1, 0.3, 0.5, 0.3, 0.1, 0.1 / 1.25, 0.1 / 1.75], 1e-12);
  const momenta = [0, 2, 4, 8, 12, 13].map((step) => schedule.momentum!(step, 50));
  expectClose(momenta, [0.9, 0.85, 0.8, 0.85, 0.9, 0.9 * 1.05], 1e-12);
  const stairs = train.oneCycle({
    cycleMinLr: 0,
    cycleMaxLr: 0.5,
    cycleFirstStepSize: 8,
    cycleFirstStairCount: 2,
    cycleMomentum: false,
  });
  expectClose(
    [0, 3, 4, 7, 8, 9, 12].map((step) => stairs(step, 50, 0.5)),
    [0, 0, 0.5, 0.5, 1, 0.5, 0.5],
    1e-12,
  );
  expect(stairs.momentum).toBeUndefined();
});

test("warm-up and cosine", () => {
  const factor = train.warmupCosine({ warmup: 4, minFactor: 0.1 });
  const at = (step: number) => factor(step, 105, 1);
  expect([0, 1, 2, 3, 4].map(at)).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
  expect(at(54)).toBeCloseTo(0.55, 12);
  expect(at(29)).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 + Math.SQRT1_2), 12);
  expect(at(104)).toBeCloseTo(0.1, 12);
  expect(at(500)).toBeCloseTo(0.1, 12);
  expect(train.warmupCosine({ warmup: 10 })(2, 3, 1)).toBeGreaterThan(0);
  expect(() => train.warmupCosine({ warmup: 5, minFactor: 2 })).toThrow(/minFactor/);
});
