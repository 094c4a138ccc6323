import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import * as data from "../../../src/data/index.js";
import * as torch from "../../../src/torch/index.js";
import * as train from "../../../src/train/index.js";
import { structuredIds, TinyModel } from "../models.js";
import { expectClose } from "../optimizers/numbers.js";

torch.setThreads(1);
afterEach(() => vi.restoreAllMocks());

const { fromDeepSpeedConfig } = train;

test("a whole configuration trains, and a file says the same", async () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  const config = {
    train_batch_size: 16,
    gradient_accumulation_steps: 4,
    optimizer: { type: "AdamW", params: { lr: 1e-2, betas: [0.9, 0.95], eps: 1e-8, weight_decay: 0.1 } },
    scheduler: {
      type: "WarmupDecayLR",
      params: { warmup_min_lr: 0, warmup_max_lr: 1e-2, warmup_num_steps: 4, total_num_steps: 12 },
    },
    gradient_clipping: 0.5,
    fp16: {
      enabled: true,
      loss_scale: 0,
      initial_scale_power: 10,
      loss_scale_window: 5,
      hysteresis: 2,
      min_loss_scale: 1,
    },
    zero_optimization: {
      stage: 2,
      overlap_comm: true,
      offload_optimizer: { device: "cpu", pin_memory: true },
    },
    steps_per_print: 100,
    wall_clock_breakdown: false,
  };
  const settings = fromDeepSpeedConfig(config);
  expect(settings).toMatchObject({ batchSize: 4, trainBatchSize: 16 });
  expect(settings.options).toMatchObject({
    clip: 0.5,
    precision: { params: "f16" },
    gradientAccumulationSteps: 4,
    lossScale: { initialScalePower: 10, lossScaleWindow: 5, hysteresis: 2, minLossScale: 1 },
  });
  expect(settings.notes).toHaveLength(2);
  fromDeepSpeedConfig(config);
  expect(warned).toHaveBeenCalledTimes(2); // once each, not once each time
  expect(warned.mock.calls[0][0]).toMatch(/stage 2 shares state among ranks; with one rank it has no effect/);

  const folder = mkdtempSync(join(tmpdir(), "moelab-deepspeed-"));
  const file = join(folder, "ds_config.json");
  writeFileSync(file, JSON.stringify(config));
  expect(fromDeepSpeedConfig(file).options.lossScale).toEqual(settings.options.lossScale);
  rmSync(folder, { recursive: true });

  const dataset = data.tokens(structuredIds(3000), { contextLength: 16, batchSize: settings.batchSize });
  const run = train.fit(new TinyModel(), dataset, { steps: 12, seed: 1, ...settings.options });
  expect((await run).status).toBe("finished");
  expect(run.history.tokens[0]).toBe(16 * 16);
  const log = (iteration: number) => (1e-2 * Math.log(iteration + 1)) / Math.log(4);
  expectClose([...run.history.lr.slice(0, 6)], [0, 0, log(1), log(2), log(3), 1e-2], 1e-9);
  expect(run.history.metrics.lossScale[0]).toBe(1024);
});

test('"auto" stands for what the options say', () => {
  const auto = "auto";
  const config = {
    ...{ train_batch_size: auto, train_micro_batch_size_per_gpu: auto, gradient_accumulation_steps: auto },
    gradient_clipping: auto,
    optimizer: { type: "AdamW", params: { lr: auto, betas: auto, eps: auto, weight_decay: auto } },
    scheduler: {
      type: "WarmupLR",
      params: { warmup_min_lr: auto, warmup_max_lr: auto, warmup_num_steps: auto },
    },
    fp16: { enabled: auto },
    bf16: { enabled: auto },
    zero_optimization: { stage: 0, reduce_bucket_size: auto, stage3_prefetch_bucket_size: auto },
  };
  const options = {
    batchSize: 3,
    gradientAccumulationSteps: 2,
    lr: 0.5,
    warmupSteps: 10,
    precision: "bf16",
  } as const;
  const { batchSize, trainBatchSize, options: fit } = fromDeepSpeedConfig(config, options);
  expect([batchSize, trainBatchSize]).toEqual([3, 6]);
  expect(fit).toMatchObject({ clip: 1, precision: { params: "bf16", master: "f32" } });
  expect((fit.optimizer as train.OptimizerFor)(new TinyModel()).lr).toBe(0.5);
  expect(fit.schedule!(20, 100, 0.5)).toBe(1);
  expect(() => fromDeepSpeedConfig(config)).toThrow(
    /train_micro_batch_size_per_gpu is "auto"; give its value/,
  );
});

test("optimizers mean what DeepSpeed means by them", () => {
  const step = (type: string, params: object) => {
    const settings = fromDeepSpeedConfig({ train_batch_size: 1, optimizer: { type, params } });
    const weight = torch.ones([1]).requiresGrad_();
    weight.grad = torch.full([1], 0.5);
    (settings.options.optimizer as train.OptimizerFor)({ namedParameters: () => [["w", weight]] }).step();
    return weight.item();
  };
  // Decoupled decay of a vector, after a first step of the whole rate.
  const decoupled = 1 - 0.1 * 0.2 - 0.1;
  expectClose(
    [
      step("AdamW", { lr: 0.1, weight_decay: 0.2 }),
      step("Adam", { lr: 0.1, weight_decay: 0.2 }),
      step("adam", { lr: 0.1, weight_decay: 0.2, adam_w_mode: false }),
      step("SGD", { lr: 0.1, momentum: 0.9, weight_decay: 0.2 }),
    ],
    [decoupled, decoupled, 0.9, 1 - 0.1 * 0.7],
    1e-6,
  );
  expect(() => step("Lamb", {})).toThrow(/optimizer.type must be "Adam" or "AdamW" or "SGD", got "Lamb"/);
});

test.each<[object, number[]]>([
  [{ train_batch_size: 32, train_micro_batch_size_per_gpu: 4 }, [4, 32, 8]],
  [{ train_batch_size: 32, gradient_accumulation_steps: 2 }, [16, 32, 2]],
  [{ train_micro_batch_size_per_gpu: 4, gradient_accumulation_steps: 3 }, [4, 12, 3]],
  [{ train_batch_size: 32 }, [32, 32, 1]],
  [{ train_micro_batch_size_per_gpu: 4 }, [4, 4, 1]],
  [{ train_batch_size: 24, train_micro_batch_size_per_gpu: 4, gradient_accumulation_steps: 6 }, [4, 24, 6]],
])("batch sizes of %o", (config, expected) => {
  const { batchSize, trainBatchSize, options } = fromDeepSpeedConfig(config as Record<string, unknown>);
  expect([batchSize, trainBatchSize, options.gradientAccumulationSteps]).toEqual(expected);
  expect(options.clip).toBe(Infinity);
  expect(options.optimizer).toBeUndefined();
});

test.each<[Record<string, unknown>, RegExp]>([
  [{ train_batch_size: 32, train_micro_batch_size_per_gpu: 5 }, /must be .* got 32, 5, not given and 1/],
  [
    { train_batch_size: 32, train_micro_batch_size_per_gpu: 4, gradient_accumulation_steps: 4 },
    /got 32, 4, 4 and 1/,
  ],
  [{ gradient_accumulation_steps: 4 }, /train_batch_size or train_micro_batch_size_per_gpu is needed/],
  [{ train_batch_size: 0 }, /train_batch_size must be a whole number from 1/],
  [{ train_batchsize: 8 }, /no option 'train_batchsize': did you mean 'train_batch_size'/],
  [{ train_batch_size: 8, fp16: { enable: true } }, /fp16 has no option 'enable': did you mean 'enabled'/],
  [{ train_batch_size: 8, zero_optimization: { stge: 1 } }, /did you mean 'stage'/],
  [{ train_batch_size: 8, zero_optimization: { stage: 4 } }, /stage must be 0, 1, 2 or 3, got 4/],
  [{ train_batch_size: 8, zero_optimization: { offload_param: { devise: "cpu" } } }, /did you mean 'device'/],
  [{ train_batch_size: 8, optimizer: { type: "Adam", params: { beta: 1 } } }, /did you mean 'betas'/],
  [
    { train_batch_size: 8, scheduler: { type: "WarmupLR", params: { warmup_steps: 5 } } },
    /no option 'warmup_steps'/,
  ],
  [{ train_batch_size: 8, scheduler: { type: "Cosine" } }, /scheduler.type must be "WarmupLR"/],
  [{ train_batch_size: 8, fp16: { enabled: true }, bf16: { enabled: true } }, /both enabled/],
  [{ train_batch_size: 8, amp: { enabled: true } }, /amp is not supported/],
])("%o is refused", (config, message) => {
  expect(() => fromDeepSpeedConfig(config)).toThrow(message);
});

test("what is off is no matter; autocast and bf16's own options", () => {
  const base = { train_batch_size: 8, amp: { enabled: false }, curriculum_learning: { enabled: false } };
  expect(fromDeepSpeedConfig(base).options.precision).toBe("f32");
  const autocast = { ...base, torch_autocast: { enabled: true, dtype: "bfloat16" } };
  expect(fromDeepSpeedConfig(autocast).options.precision).toBe("bf16");
  const all = {
    ...base,
    bf16: { enabled: true, bf16_master_weights_and_grads: true, bf16_optimizer_states: true },
  };
  expect(fromDeepSpeedConfig(all).options.precision).toEqual({ params: "bf16", master: "none" });
});
