import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as data from "../../src/data/index.js";

const folder = mkdtempSync(join(tmpdir(), "moelab-text-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tokenizer = data.tokenizer(data.trainBpe("", { vocab: 257 }));
const long = join(folder, "long.txt");
const short = join(folder, "short.txt");
writeFileSync(long, "abcdefghij".repeat(100));
writeFileSync(short, "0123456789");
const shape = { tokenizer, contextLength: 8, batchSize: 4 };

test("targets are the inputs one further", () => {
  const { inputs, targets } = data.text(long, shape).batch(3, 1);
  expect(inputs.shape).toEqual([4, 8]);
  expect(inputs.dtype).toBe("int64");
  expect(targets.slice(1, 0, 7).toArray()).toEqual(inputs.slice(1, 1, 8).toArray());
});

test("a batch depends on seeds and step only", () => {
  const one = data.text(long, shape);
  const other = data.text(long, shape);
  other.batch(0, 0);
  expect(one.batch(5, 7).inputs.toArray()).toEqual(other.batch(5, 7).inputs.toArray());
  const same = one.batch(5, 7).inputs.toArray();
  expect(one.batch(6, 7).inputs.toArray()).not.toEqual(same);
  expect(one.batch(5, 8).inputs.toArray()).not.toEqual(same);
  expect(
    data
      .text(long, { ...shape, seed: 1 })
      .batch(5, 7)
      .inputs.toArray(),
  ).not.toEqual(same);
});

test("validation is held out from the end, in windows side by side", () => {
  const dataset = data.text(long, { ...shape, validationShare: 0.1 });
  expect(dataset.train.numel).toBe(900);
  const batches = [...dataset.validation!()];
  expect(batches.map(({ inputs }) => inputs.shape[0])).toEqual([4, 4, 4]);
  expect(tokenizer.decode((batches[0].inputs.toArray() as number[][]).flat())).toBe(
    "abcdefghij".repeat(4).slice(0, 32),
  );
});

test("every start can come up, the last included", () => {
  const dataset = data.text(short, { ...shape, contextLength: 8, batchSize: 64 });
  const firsts = new Set((dataset.batch(0).inputs.toArray() as number[][]).map(([first]) => first));
  expect(firsts.size).toBe(2);
  expect(dataset.validation).toBeUndefined();
});

test("files of their own for validation; between files stands the end of text", () => {
  const dataset = data.text({ train: [long, short], validation: short }, shape);
  expect(dataset.train.numel).toBe(1000 + 1 + 10 + 1);
  expect(dataset.heldOut!.numel).toBe(10);
});

test("errors name the file and the sizes", () => {
  expect(() => data.text("nothing.txt", shape)).toThrow(/there is no file .*nothing\.txt/);
  expect(() => data.text(short, { ...shape, contextLength: 10 })).toThrow(
    /training text has 10 tokens, a sequence needs 11/,
  );
  expect(() => data.text(long, { ...shape, validationShare: 0.005 })).toThrow(/validation text has 5 tokens/);
  expect(() => data.text([], shape)).toThrow(/list of files is empty/);
});
