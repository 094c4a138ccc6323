import { expect, test } from "vitest";
import * as torch from "../../src/torch/index.js";
import * as train from "../../src/train/index.js";
import { structuredIds, TinyModel } from "./models.js";
import { expectClose, flat } from "./optimizers/numbers.js";

torch.setThreads(1);
const ids = torch.keep(torch.fromTypedArray(structuredIds(4000)).long());

/** Row r of the data of step s; in some rows targets are left out. */
function row(step: number, at: number): { inputs: torch.Tensor; targets: torch.Tensor } {
  const start = (step * 8 + at) * 17;
  const targets = ids.slice(0, start + 1, start + 17).clone();
  targets.slice(0, 0, (at * 5) % 13).fill_(-100);
  return { inputs: ids.slice(0, start, start + 16), targets };
}

function rows(step: number, from: number, to: number): train.Batch {
  const all = Array.from({ length: to - from }, (_, at) => row(step, from + at));
  return {
    inputs: torch.stack(all.map(({ inputs }) => inputs)),
    targets: torch.stack(all.map(({ targets }) => targets)),
  };
}

/** Without dropout, whose masks depend on how rows are put together. */
function model(): TinyModel {
  const made = new TinyModel();
  made.dropout = new (made.dropout.constructor as new (p: number) => typeof made.dropout)(0);
  return made;
}

const whole = { batch: (step: number) => rows(step, 0, 8) };
/** The eight rows of a step in four batches of different sizes. */
const bounds = [0, 1, 4, 6, 8];
const parts = {
  batch: (index: number) => rows(Math.floor(index / 4), bounds[index % 4], bounds[(index % 4) + 1]),
};

const options = { steps: 10, clip: 0.5, seed: 3 };

test("batches with unequal numbers of targets add up to the large batch", async () => {
  for (const optimizer of [train.sgd({ lr: 0.5, momentum: 0.9 }), train.adamw({ lr: 0.01, eps: 1e-4 })]) {
    const large = train.fit(model(), whole, { ...options, optimizer });
    const summed = train.fit(model(), parts, { ...options, optimizer, gradientAccumulationSteps: 4 });
    await Promise.all([large, summed]);
    expectClose([...summed.history.loss], [...large.history.loss], 1e-6);
    expectClose([...summed.history.gradNorm], [...large.history.gradNorm], 1e-5);
    expectClose(flat(summed.model.parameters()), flat(large.model.parameters()), 1e-6, 1);
    expect(summed.history.tokens).toEqual(large.history.tokens);
  }
});

test("gradients of half-precision parameters add up in float32", async () => {
  const optimizer = train.sgd({ lr: 0.5 });
  const precision = { params: "bf16" } as const;
  const large = train.fit(model(), whole, { ...options, optimizer, precision });
  const summed = train.fit(model(), parts, {
    ...options,
    optimizer,
    precision,
    gradientAccumulationSteps: 4,
  });
  await Promise.all([large, summed]);
  expectClose([...summed.history.loss], [...large.history.loss], 3e-3);
});

test("a batch may say by how much it counts; one without targets counts nothing", async () => {
  const weighted = (weights: number[]) => ({
    batch: (index: number) => ({ ...parts.batch(index), weight: weights[index % 4] }),
  });
  const one = train.fit(model(), weighted([0, 0, 7, 0]), {
    ...options,
    steps: 2,
    gradientAccumulationSteps: 4,
  });
  const only = train.fit(model(), { batch: (step) => rows(step, 4, 6) }, { ...options, steps: 2 });
  await Promise.all([one, only]);
  expectClose([...one.history.loss], [...only.history.loss], 1e-6);
  const none = train.fit(model(), weighted([0, 0, 0, 0]), { ...options, gradientAccumulationSteps: 4 });
  await expect(none).rejects.toThrow("no batch has a target");
});

test("an optimizer of one's own finds the gradients scaled and in place", async () => {
  class Plain implements train.Optimizer {
    readonly lr = 0.5;
    constructor(private readonly parameters: torch.Tensor[]) {}
    step(lr: number) {
      torch.noGrad(() => {
        for (const parameter of this.parameters)
          if (parameter.grad) parameter.sub_(parameter.grad, { alpha: lr });
      });
    }
    zeroGrad() {
      for (const parameter of this.parameters) parameter.grad = null;
    }
    stateDict() {
      return {};
    }
    loadStateDict() {}
  }
  const own = model();
  const mine = train.fit(own, parts, {
    ...options,
    optimizer: new Plain(own.parameters()),
    gradientAccumulationSteps: 4,
  });
  const ours = train.fit(model(), whole, { ...options, optimizer: train.sgd({ lr: 0.5 }) });
  await Promise.all([mine, ours]);
  expectClose(flat(mine.model.parameters()), flat(ours.model.parameters()), 1e-6, 1);
});
