// The same work on the GPU and on the CPU: results compared, times printed as one JSON object.
import { models, torch, train } from "../../dist/src/index.js";

const device = process.argv[2] ?? "cuda";
const report = { device, checks: [], times: [] };

function check(name, error, limit) {
  report.checks.push({ name, error, limit, ok: error <= limit });
}

/** Largest difference relative to the largest value. */
function relativeError(ours, reference) {
  return torch.tidy(() => {
    const expected = reference.double().cpu();
    return ours.double().cpu().sub(expected).abs().max().item() / expected.abs().max().item();
  });
}

/** Milliseconds per call, median of 20; reading a result waits for the GPU. */
function time(name, body) {
  for (let i = 0; i < 3; i++) torch.tidy(() => body().sum().item());
  const times = Array.from({ length: 20 }, () => {
    const start = performance.now();
    torch.tidy(() => body().sum().item());
    return performance.now() - start;
  });
  report.times.push({ name, milliseconds: times.sort((a, b) => a - b)[10] });
}

torch.manualSeed(1);
const a = torch.randn([512, 256]);
const b = torch.randn([256, 384]);
check("matmul", relativeError(a.to(device).matmul(b.to(device)), a.double().matmul(b.double())), 2e-3);

const tokens = torch.randint(0, 512, [4, 65], { dtype: "int64" });
const batch = { inputs: tokens.slice(1, 0, 64), targets: tokens.slice(1, 1, 65) };
const options = {
  vocab: 512,
  dim: 128,
  layers: 2,
  heads: 4,
  contextLength: 64,
  seed: 3,
  moe: { experts: 8, topK: 2, hidden: 256, activation: "swiglu", auxLoss: 0.01 },
};
const reference = models.moeTransformer(options);
const model = models.moeTransformer(options);
model.to(device);
const onDevice = { inputs: batch.inputs.to(device), targets: batch.targets.to(device) };
const expected = reference.loss(batch).loss;
const loss = model.loss(onDevice).loss;
check("MoE model: loss", relativeError(loss, expected), 1e-3);
expected.backward();
loss.backward();
const gradients = new Map(reference.namedParameters());
let worst = 0;
for (const [name, parameter] of model.namedParameters()) {
  worst = Math.max(worst, relativeError(parameter.grad, gradients.get(name).grad));
}
check("MoE model: gradients", worst, 1e-2);

const dataset = { batch: () => batch };
for (const each of [reference, model]) {
  const run = train.fit(each, dataset, { steps: 10, seed: 5, optimizer: train.adamw({ lr: 1e-3 }) });
  await run;
  report.times.push({
    name: `training step on ${each === model ? device : "cpu"}`,
    milliseconds: (1000 * run.history.seconds.subarray(2).reduce((sum, s) => sum + s, 0)) / 8,
    loss: run.history.loss.at(-1),
  });
}

for (const dtype of ["float32", "bfloat16"]) {
  const large = torch.randn([2048, 2048]).to({ dtype, device });
  time(`matmul 2048³ ${dtype} on ${device}`, () => large.matmul(large));
}
const small = torch.ones([2, 2]).to(device);
time(`1000 × add 2×2 on ${device}`, () => {
  let x = small;
  for (let i = 0; i < 1000; i++) x = x.add(small);
  return x;
});

console.log(JSON.stringify(report, null, 1));
process.exitCode = report.checks.every(({ ok }) => ok) ? 0 : 1;
