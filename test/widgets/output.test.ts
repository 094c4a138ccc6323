import { beforeEach, expect, it } from "vitest";
import { displaySymbol, hostKey } from "../../src/host.js";
import { type Dropdown, type IntSlider, interact, Output, Text } from "../../src/widgets/index.js";
import { RecordedFrontEnd } from "./recordedFrontEnd.js";

let front: RecordedFrontEnd;
beforeEach(() => {
  front = new RecordedFrontEnd().install();
});

const host = () => (globalThis as any)[hostKey];
const texts = (output: Output) => String(output).split("\n");

it("an output widget holds what its code outputs, as a cell would", () => {
  const output = new Output();
  front.print("before\n");
  output.capture(() => {
    front.print("one ");
    front.print("line\n");
    host().display({ "text/plain": "step 1" }, { displayId: "d" });
    host().display({ "text/plain": "step 2" }, { displayId: "d", update: true });
    host().display({ "text/plain": "nowhere" }, { displayId: "other", update: true });
    front.print("end\n");
  });
  front.print("after\n");
  expect(output.outputs).toEqual([
    { output_type: "stream", name: "stdout", text: "one line\n" },
    { output_type: "display_data", data: { "text/plain": "step 2" }, metadata: {} },
    { output_type: "stream", name: "stdout", text: "end\n" },
  ]);
  expect(front.outputs).toMatchObject([{ text: "before\n" }, { text: "after\n" }]);

  output.clear(true);
  expect(texts(output)).toEqual(["one line", "step 2", "end"]);
  output.capture(() => front.print("new"));
  expect(texts(output)).toEqual(["new"]);
  output.clear();
  expect(output.outputs).toEqual([]);
});

it("it captures until a promise is settled, and what an error leaves behind", async () => {
  const output = new Output();
  const work = output.capture(async () => {
    await null;
    front.print("later");
  });
  await work;
  front.print("outside");
  expect(() =>
    output.capture(() => {
      throw new Error("x");
    }),
  ).toThrow("x");
  expect(String(output)).toBe("later");
});

it("without a front end, what is captured stays where it is", () => {
  delete (globalThis as any)[hostKey];
  const output = new Output();
  expect(output.capture(() => 5)).toBe(5);
  expect(output[displaySymbol]()).toEqual({ "text/plain": "" });
});

it("interact makes controls of their values, and runs for each change", async () => {
  const seen: unknown[] = [];
  const mine = new Text({ value: "t" });
  const shown = interact(
    ({ k, rate, gate, on, name, own }) => {
      // What is chosen has its type.
      const whole: number = k + rate;
      const choice: "softmax" | "sigmoid" = gate;
      const text: string = name + own;
      seen.push([whole, choice, on, text]);
      front.print(`${choice}\n`);
      return k * 10;
    },
    {
      k: { min: 1, max: 4, value: 2 },
      rate: { min: 0, max: 0.5 },
      gate: ["softmax", "sigmoid"],
      on: true,
      name: "n",
      own: mine,
    },
  );
  await new Promise(setImmediate);
  expect(seen).toEqual([[2, "softmax", true, "nt"]]);
  expect(texts(shown.output)).toEqual(["softmax", "20"]);
  const [k, rate, gate] = shown.controls;
  expect([k.constructor.name, rate.constructor.name]).toEqual(["IntSlider", "FloatSlider"]);
  expect(rate.get("step")).toBeCloseTo(0.005);
  expect(shown.children.at(-1)).toBe(shown.output);

  (k as IntSlider).value = 3;
  (gate as Dropdown<string>).value = "sigmoid";
  await new Promise(setImmediate);
  expect(seen.at(-1)).toEqual([3, "sigmoid", true, "nt"]);
  expect(texts(shown.output)).toEqual(["sigmoid", "30"]);
});

it("interact runs once at a time, with the newest values last, and shows errors", async () => {
  const running: number[] = [];
  let release = () => {};
  const shown = interact(
    async ({ k }) => {
      running.push(k);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      if (k === 3) throw new RangeError("too many");
    },
    { k: { min: 1, max: 9 } },
  );
  const [k] = shown.controls as IntSlider[];
  k.value = 2;
  k.value = 3;
  expect(running).toEqual([1]);
  release();
  await new Promise(setImmediate);
  expect(running).toEqual([1, 3]);
  release();
  await new Promise(setImmediate);
  expect(shown.output.outputs).toMatchObject([
    { output_type: "error", ename: "RangeError", evalue: "too many" },
  ]);
  expect(() => interact(() => {}, { x: 5 as any })).toThrow("expected x to be a boolean");
});
