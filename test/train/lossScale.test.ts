import { expect, test } from "vitest";
import { DynamicLossScale, type LossScaleOptions } from "../../src/train/lossScale.js";

/** The scale after each step of a story: "o" an overflow, "." none. */
function scales(story: string, options: LossScaleOptions): number[] {
  const scale = new DynamicLossScale("test", { initialScalePower: 4, ...options });
  return [...story].map((step) => {
    scale.update(step === "o");
    return scale.scale;
  });
}

// What DeepSpeed's DynamicLossScaler gives for the same story, worked out by hand from its rule.
test.each<[string, LossScaleOptions, number[]]>([
  ["oooo", { hysteresis: 1 }, [8, 4, 2, 1]],
  ["oo.o", { hysteresis: 2 }, [16, 8, 8, 4]],
  ["o.oo", { hysteresis: 2 }, [16, 16, 8, 4]],
  ["o.oo", { hysteresis: 2, consecutiveHysteresis: true }, [16, 16, 16, 8]],
  [
    "......",
    { lossScaleWindow: 3 },
    [16, 16, 32, 32, 32, 64].map((_, at) => (at < 2 ? 16 : at < 5 ? 32 : 64)),
  ],
  ["..o...", { lossScaleWindow: 3, hysteresis: 1 }, [16, 16, 8, 8, 8, 16]],
])("%s with %o", (story, options, expected) => {
  expect(scales(story, options)).toEqual(expected);
});

test("at its minimum an overflow is an error that says what to do", () => {
  const scale = new DynamicLossScale("test", { initialScalePower: 1, hysteresis: 1, minLossScale: 2 });
  expect(() => scale.update(true)).toThrow(/minimum of 2 and gradients overflow still.*bf16/);
  expect(() => new DynamicLossScale("fit", { lossScaleWindows: 3 } as never)).toThrow(
    /did you mean 'lossScaleWindow'/,
  );
});

test("goes on from its state", () => {
  const options = { initialScalePower: 4, lossScaleWindow: 3, hysteresis: 2 };
  const story = [..."..o.o..o.....o"].map((step) => step === "o");
  const whole = new DynamicLossScale("test", options);
  for (const step of story) whole.update(step);
  const first = new DynamicLossScale("test", options);
  for (const step of story.slice(0, 6)) first.update(step);
  const second = new DynamicLossScale("test", options);
  second.load(JSON.parse(JSON.stringify(first.state())));
  for (const step of story.slice(6)) second.update(step);
  expect(second.state()).toEqual(whole.state());
});
