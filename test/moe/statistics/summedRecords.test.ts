import { expect, test } from "vitest";
import { SummedRecords } from "../../../src/moe/statistics/summedRecords.js";

const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);

test("keeps every record until there are too many, then adds neighbours up", () => {
  const records = new SummedRecords({ most: 4, bytes: Infinity });
  for (let step = 1; step <= 4; step++) records.add(step, { a: [step, 10] });
  expect([...records.step]).toEqual([1, 2, 3, 4]);
  expect([...records.get("a")]).toEqual([1, 10, 2, 10, 3, 10, 4, 10]);
  records.add(5, { a: [5, 10] });
  expect([...records.step]).toEqual([2, 4, 5]);
  expect([...records.recorded]).toEqual([2, 2, 1]);
  expect([...records.get("a")]).toEqual([3, 20, 7, 20, 5, 10]);
  records.add(6, { a: [6, 10] });
  expect([...records.step]).toEqual([2, 4, 6]);
  expect([...records.get("a")]).toEqual([3, 20, 7, 20, 11, 20]);
});

test("totals stay exact, and the memory bounded, over many steps", () => {
  const records = new SummedRecords({ most: 64, bytes: 16 * 5 * 8 });
  for (let step = 1; step <= 10_000; step++) records.add(step, { a: [step], b: [1, 2] });
  expect(records.length).toBeLessThanOrEqual(16);
  expect(records.length).toBeGreaterThan(4);
  expect(total(records.get("a"))).toBe((10_000 * 10_001) / 2);
  expect(total(records.get("b"))).toBe(30_000);
  expect(total(records.recorded)).toBe(10_000);
  expect(records.step.at(-1)).toBe(10_000);
});

test("a name that comes late or is left out counts as zeros", () => {
  const records = new SummedRecords({ most: 8, bytes: Infinity });
  records.add(1, { a: [1] });
  records.add(2, { b: [2, 3] });
  expect([...records.get("a")]).toEqual([1, 0]);
  expect([...records.get("b")]).toEqual([0, 0, 2, 3]);
  expect(records.get("c").length).toBe(0);
});

test("goes on where saved records end", () => {
  const records = new SummedRecords({ most: 4, bytes: Infinity });
  const whole = new SummedRecords({ most: 4, bytes: Infinity });
  for (let step = 1; step <= 7; step++) records.add(step, { a: [step] });
  const again = new SummedRecords({ most: 4, bytes: Infinity });
  again.load(records.toColumns());
  for (let step = 8; step <= 30; step++) again.add(step, { a: [step] });
  for (let step = 1; step <= 30; step++) whole.add(step, { a: [step] });
  expect(again.toColumns()).toEqual(whole.toColumns());
});
