/**
 * A rank of a training run under a form of parallelism: node parallelRank.mjs '{"data":2,"expert":2}' '[{…options}]'. The
 * world's batch is the same whatever the form. Prints, for each case, what every form must agree on.
 */
import { data, dist, models, moe, torch, train } from "../../dist/src/index.js";

const [sizes, cases] = process.argv.slice(2).map((text) => JSON.parse(text));
await dist.init({ timeout: 60 });
const mesh = dist.mesh(sizes);
/** Four steps, by what the library gives to whoever writes a loop of their own. */
function trained(options) {
  const dtype = options.dtype ?? "float32";

  const gates = {
    softmax: undefined,
    // Experts from the sixth on get no token: of four ranks the last has nothing to do.
    unbalanced: moe.sigmoidGate({ biasUpdateRate: 0 }),
  };
  const model = models.moeTransformer({
    ...{ vocab: 61, dim: 32, layers: 2, heads: 2, contextLength: 16, seed: 5 },
    moe: {
      ...{ experts: 8, topK: 2, hidden: 24, gate: gates[options.gate ?? "softmax"] },
      auxLoss: options.auxLoss === undefined ? { coefficient: 0.05 } : options.auxLoss,
      ...{ zLoss: 0.01, mesh },
    },
  });
  if (options.gate === "unbalanced") {
    for (const [, layer] of moe.moeLayers(model)) {
      layer.gate.bias.copy_(torch.tensor([3, 0.1, 0, 0, 0, 0, -9, -9]));
    }
  }
  dist.broadcastParameters(model.parameters(), mesh);
  model.to({ dtype });

  const ids = Int32Array.from({ length: 4000 }, (_, at) => (at * at * 31 + (at >> 3)) % 61);
  const dataset = data.tokens(ids, { contextLength: 16, batchSize: 8 });
  const parameters = [...model.parameters()];
  const optimizer = train.adamw({ lr: 1e-2 })(model);
  const batches = mesh.group("data", "expert");
  const seen = { loss: [], gradNorm: [], auxLoss: [], load: [] };

  for (let step = 0; step < 4; step++) {
    const batch = dataset.batch(step, 9);
    const whole = { inputs: batch.inputs, targets: batch.targets.contiguous() };
    // Every rank's number of targets is another.
    whole.targets.view([-1]).narrow(0, 3, 21).fill_(-100);
    const rows = 8 / batches.size;
    const [inputs, targets] = [whole.inputs, whole.targets].map((part) =>
      part.narrow(0, batches.rank * rows, rows),
    );
    const count = (part) => part.ne(-100).sum().item();
    model.train();
    const { loss, metrics } = model.loss({ inputs, targets });
    const share = loss.mul(count(targets) / count(whole.targets));
    share.backward();
    dist.reduceGradients(parameters, mesh);
    const norm = dist.gradientNorm(parameters, mesh).item();
    optimizer.step(1e-2, { gradientScale: Math.min(1, 0.5 / (norm + 1e-6)) });
    optimizer.zeroGrad();
    seen.loss.push(batches.allReduce(share.detach()).item());
    seen.gradNorm.push(norm);
    seen.auxLoss.push(metrics.auxLoss?.item() ?? 0);
    seen.load.push(batches.allReduce(model.routing()[1].load).toArray().map(Number));
  }
  // Whole parameters, those that are divided put together.
  const named = Object.entries(model.stateDict());
  const byName = new Map(model.namedParameters());
  seen.parameters = named.map(([name, value]) => {
    const division = byName.get(name)?.division;
    const whole = division ? mesh.group("expert").allGather(value.detach()) : value;
    return [
      name,
      [...whole.shape],
      whole.double().norm().item(),
      whole.double().reshape([-1]).narrow(0, 0, 5).toArray(),
    ];
  });
  return seen;
}

console.log(JSON.stringify(cases.map(trained)));
dist.close();
