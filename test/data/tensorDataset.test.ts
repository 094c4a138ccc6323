import { expect, test } from "vitest";
import { data, torch } from "../../src/index.js";

torch.setThreads(1);

const examples = (count: number) => ({
  inputs: torch.arange(count).float().view([count, 1]),
  targets: torch.arange(count).mul(10),
});
const numbers = (batch: { inputs: torch.Tensor }) => batch.inputs.reshape([-1]).toArray() as number[];

test("an epoch has every example once, in an order of its own", () => {
  const dataset = data.tensors(examples(10), { batchSize: 3 });
  expect(dataset.batchesPerEpoch).toBe(3);
  const epoch = (first: number) => [0, 1, 2].flatMap((at) => numbers(dataset.batch(first + at, 7)));
  const [one, two] = [epoch(0), epoch(3)];
  expect(new Set(one).size).toBe(9);
  expect(new Set(two).size).toBe(9);
  expect(two).not.toEqual(one);
  const seen = new Set(Array.from({ length: 20 }, (_, at) => epoch(3 * at)).flat());
  expect(seen.size).toBe(10);
});

test("a batch depends on nothing but seeds and step, targets go with their inputs", () => {
  const dataset = data.tensors(examples(50), { batchSize: 8 });
  const again = data.tensors(examples(50), { batchSize: 8 });
  again.batch(31, 1);
  const batch = dataset.batch(9, 1);
  expect(numbers(again.batch(9, 1))).toEqual(numbers(batch));
  expect(numbers(dataset.batch(9, 2))).not.toEqual(numbers(batch));
  expect(batch.targets.toArray()).toEqual(numbers(batch).map((value) => value * 10));
});

test("validation goes through all of its examples in their order", () => {
  const dataset = data.tensors({ train: examples(8), validation: examples(5) }, { batchSize: 2 });
  expect([...dataset.validation!()].map(numbers)).toEqual([[0, 1], [2, 3], [4]]);
  expect(data.tensors(examples(8), { batchSize: 2 }).validation).toBeUndefined();
});

test("what does not fit together is refused", () => {
  const { inputs } = examples(4);
  expect(() => data.tensors({ inputs, targets: torch.zeros([3]) }, { batchSize: 2 })).toThrow(
    /a row of targets for each row of inputs, got inputs \[4, 1\] and targets \[3\]/,
  );
  expect(() => data.tensors(examples(4), { batchSize: 5 })).toThrow(/fewer than a batch of 5/);
  expect(() => data.tensors(examples(4), { batchSize: 0 })).toThrow(/batchSize/);
});
