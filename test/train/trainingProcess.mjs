/**
 * A training run that a test kills: node trainingProcess.mjs FOLDER STEPS. Prints its steps, and the weights' hash at the
 * end. It has every kind of state there is: float16 parameters with master weights, averages in bfloat16, a loss scale that
 * overflows and grows, accumulated gradients, recomputed layers, biases of gates.
 */
import { createHash } from "node:crypto";
import { data, models, moe, torch, train } from "../../dist/src/index.js";

const [folder, steps] = process.argv.slice(2);
torch.setThreads(1);
const ids = Int32Array.from({ length: 5000 }, (_, at) => (at * at * 31 + (at >> 3)) % 64);
const model = models.moeTransformer({
  ...{ vocab: 64, dim: 32, layers: 1, heads: 2, contextLength: 16, seed: 3, dropout: 0.1 },
  recomputeInterval: 1,
  moe: { experts: 4, topK: 2, auxLoss: 0.01, gate: moe.sigmoidGate() },
});
const run = train.fit(model, data.tokens(ids, { contextLength: 16, batchSize: 4 }), {
  ...{ steps: Number(steps), seed: 11, optimizer: train.adamw({ lr: 1e-3, moments: "bf16" }) },
  ...{
    precision: { params: "f16" },
    lossScale: { initialScalePower: 20, lossScaleWindow: 5, hysteresis: 1 },
  },
  gradientAccumulationSteps: 2,
  ...{ checkpoint: folder, checkpointEvery: 1, keepLast: 2, resume: "auto" },
  schedule: train.warmupCosineLR({ warmupNumSteps: 10 }),
});
console.log(`begins at step ${run.step}`);
for await (const { step } of run) console.log(`step ${step}`);
const hash = createHash("sha256");
for (const tensor of Object.values(model.stateDict())) {
  const { buffer, byteOffset, byteLength } = tensor.float().contiguous().asTypedArray();
  hash.update(new Uint8Array(buffer, byteOffset, byteLength));
}
hash.update(run.history.loss);
hash.update(run.history.metrics.lossScale);
console.log(`hash ${hash.digest("hex")}`);
