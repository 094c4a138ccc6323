import { afterEach, expect, test, vi } from "vitest";
import * as data from "../../src/data/index.js";
import * as nn from "../../src/nn/index.js";
import * as torch from "../../src/torch/index.js";
import * as train from "../../src/train/index.js";
import { structuredIds, TinyModel } from "./models.js";
import { flat } from "./optimizers/numbers.js";

torch.setThreads(1);
afterEach(() => vi.restoreAllMocks());
const dataset = data.tokens(structuredIds(3000), { contextLength: 16, batchSize: 8 });

/** Breaks in its fourth pass, where it is told to. */
class Breaking extends nn.Linear {
  calls = 0;
  constructor(
    private readonly broken: (out: torch.Tensor) => torch.Tensor,
    private readonly at: (call: number) => boolean,
  ) {
    super(16, 32);
  }
  override forward(x: torch.Tensor) {
    const out = super.forward(x);
    return this.at(++this.calls) ? this.broken(out) : out;
  }
}

function modelWith(broken: (out: torch.Tensor) => torch.Tensor, at = (call: number) => call >= 4): TinyModel {
  const model = new TinyModel();
  model.output = new Breaking(broken, at);
  return model;
}

test("a loss that is not finite is traced to the module it comes from", async () => {
  const run = train.fit(
    modelWith((out) => out.mul(Number.NaN)),
    dataset,
    { steps: 8 },
  );
  await expect(run).rejects.toThrow(
    /step 4: the loss is NaN; the first output that is not finite is that of output \(Breaking\).*after step 3\. Usual causes/,
  );
  // Nothing stays of the watching.
  expect(Object.hasOwn((run.model as TinyModel).output, "forward")).toBe(false);
});

test("gradients that are not finite are named, from the loss on", async () => {
  // The root of zero has no derivative, and its value is none that shows.
  const run = train.fit(
    modelWith((out) => out.add(out.mul(0).abs().sqrt())),
    dataset,
    { steps: 8 },
  );
  await expect(run).rejects.toThrow(
    /the norm of the gradients is NaN; \d of 5 gradients .* that of output\.bias/,
  );
});

test("a weight that is not finite is what is told", async () => {
  const model = new TinyModel();
  torch.noGrad(() => model.hidden.bias!.fill_(Infinity));
  await expect(train.fit(model, dataset, { steps: 2 })).rejects.toThrow(
    /the weight hidden\.bias is not finite/,
  );
});

test('onNonFinite: "skip" leaves such steps out, tells it once, and goes on', async () => {
  const said = vi.spyOn(console, "warn").mockImplementation(() => {});
  const broken = modelWith(
    (out) => out.mul(Number.NaN),
    // The second pass of the fourth step looks for the cause.
    (call) => call === 4 || call === 5 || call === 7,
  );
  const run = train.fit(broken, dataset, { steps: 10, onNonFinite: "skip" });
  const summary = await run;
  expect(summary.status).toBe("finished");
  expect([...run.history.loss].map(Number.isFinite)).toEqual(
    Array.from({ length: 10 }, (_, at) => at !== 3 && at !== 5),
  );
  expect(run.warnings).toHaveLength(1);
  expect(run.warnings[0]).toMatch(
    /step 4 made no update: the loss is NaN; .* output \(Breaking\)\. Usual causes/,
  );
  expect(said).toHaveBeenCalledTimes(1);
  expect(flat(run.model.parameters()).every(Number.isFinite)).toBe(true);
  expect(run.toString()).toMatch(/⚠ step 4 made no update/);
});
