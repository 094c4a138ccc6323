/** Prints by how much a forward and backward pass raises the process's memory: node recomputeMemory.mjs INTERVAL */
import { models, torch } from "../../dist/src/index.js";

torch.setThreads(1);
const model = models.moeTransformer({
  ...{ vocab: 64, dim: 64, layers: 8, heads: 2, contextLength: 256, seed: 1 },
  ...{ recomputeInterval: Number(process.argv[2]) },
  moe: { experts: 4, topK: 2, hidden: 64 },
});
const ids = torch.zeros([24, 257], { dtype: "int64" });
const batch = { inputs: ids.slice(1, 0, 256), targets: ids.slice(1, 1, 257) };
const before = process.memoryUsage().rss;
torch.tidy(() => model.loss(batch).loss.backward());
console.log(process.resourceUsage().maxRSS * 1024 - before);
