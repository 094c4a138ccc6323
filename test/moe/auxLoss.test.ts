import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { moe, torch } from "../../src/index.js";
import { evaluatePython } from "../python/run.js";
import { readTensorFile } from "../python/tensorFile.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

const fixture = `
import sys, numpy, torch, tensor_file
random = numpy.random.default_rng(0)
logits = random.normal(0, 1.5, (4096, 8)) + numpy.linspace(0, 1.5, 8)
tensor_file.write(sys.argv[1], None, {"logits": torch.from_numpy(logits)})
`;

function fixtureLogits(): torch.Tensor {
  const folder = mkdtempSync(join(tmpdir(), "moelab-aux-"));
  try {
    const path = join(folder, "logits");
    evaluatePython(fixture, path);
    return readTensorFile(path).tensors.logits;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("load-balancing losses", () => {
  test("have the known values of skewed logits", () => {
    const probabilities = fixtureLogits().softmax(-1);
    const { experts } = moe.topK(probabilities, 2);
    const loss = (normalisation: moe.AuxLossNormalisation) =>
      moe.loadBalancingLoss(probabilities, experts, normalisation).item();
    expect(loss("gshard")).toBeCloseTo(1.1948, 4);
    expect(loss("megatron")).toBeCloseTo(1.1539, 4);
    expect(loss("huggingFace")).toBeCloseTo(2.3078, 4);
  });

  const balanced = { gshard: 1, megatron: 1, huggingFace: 2 };
  const collapsed = { gshard: 4, megatron: 2, huggingFace: 4 };
  test.each(moe.auxLossNormalisations)("%s: perfect balance, all on one expert", (normalisation) => {
    const experts = torch.tensor(
      [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 0],
      ],
      { dtype: "int64" },
    );
    const even = torch.full([4, 4], 0.25);
    expect(moe.loadBalancingLoss(even, experts, normalisation).item()).toBeCloseTo(balanced[normalisation]);
    const first = torch.tensor([[1, 0, 0, 0]]).expand([4, 4]);
    const chosen = torch.tensor([[0, 1]], { dtype: "int64" }).expand([4, 2]);
    expect(moe.loadBalancingLoss(first, chosen, normalisation).item()).toBeCloseTo(collapsed[normalisation]);
  });

  test("of no tokens is 0", () => {
    const none = torch.zeros([0, 2], { dtype: "int64" });
    expect(moe.loadBalancingLoss(torch.zeros([0, 4]), none, "megatron").item()).toBe(0);
  });
});
