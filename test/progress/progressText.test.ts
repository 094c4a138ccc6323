import { expect, it } from "vitest";
import { type ProgressState, progressHtml, progressText } from "../../src/progress/progressText.js";
import { Speed } from "../../src/progress/speed.js";

const running: ProgressState = {
  label: "train",
  count: 42,
  total: 100,
  unit: "batches",
  state: "running",
  elapsed: 12,
  perSecond: 3.5,
  note: "loss 0.3",
};

it("a bar tells how much is done, how fast, how long it took and will take", () => {
  expect(progressText([running])).toBe(
    "train   42% ▕██████████              ▏ 42/100 batches · 3.5/s · 12 s · 17 s left · loss 0.3",
  );
  expect(progressText([{ ...running, state: "done", count: 100, perSecond: 8.25, note: "" }])).toBe(
    "train  100% ▕████████████████████████▏ 100/100 batches · 8.25/s · 12 s",
  );
  expect(progressText([{ ...running, state: "stopped", label: "", perSecond: undefined }])).toBe(
    " 42% ▕██████████              ▏ 42/100 batches · stopped after 12 s · loss 0.3",
  );
});

it("without a total there is no bar, and bytes and the slow have units of their own", () => {
  const counted = { ...running, total: undefined, note: "" };
  expect(progressText([counted])).toBe("train  42 batches · 3.5/s · 12 s");
  expect(progressText([{ ...counted, unit: "B", count: 1_234_567, perSecond: 999_999 }])).toBe(
    "train  1.23 MB · 1 MB/s · 12 s",
  );
  expect(progressText([{ ...counted, unit: "", count: 1e6, perSecond: 1 / 90, elapsed: 7500 }])).toBe(
    "train  1,000,000 · 1 min 30 s each · 2 h 5 min",
  );
});

it("bars below each other are aligned, and never full before the end", () => {
  const lines = progressText([
    { ...running, count: 999, total: 1000 },
    { ...running, label: "x", total: 0 },
  ]).split("\n");
  expect(lines[0]).toMatch(/^train {3}99% ▕█{23}▉▏/);
  expect(lines[1]).toMatch(/^x {6}100% ▕█{24}▏/);
});

it("HTML holds the same and no markup of labels", () => {
  const html = progressHtml([{ ...running, label: "<b>" }]);
  expect(html).toContain('<progress value="420" max="1000"');
  expect(html).toContain("&lt;b&gt;");
  expect(html).toContain("42/100 batches · 3.5/s");
});

it("speed is that of the last seconds", () => {
  const speed = new Speed();
  speed.add(0, 0);
  expect(speed.perSecond).toBeUndefined();
  for (let time = 1; time <= 100; time++) speed.add(time, time);
  for (let time = 101; time <= 130; time++) speed.add(100 + 5 * (time - 100), time);
  expect(speed.perSecond).toBe(5);
});
