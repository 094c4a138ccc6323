import { beforeAll, describe, expect, it } from "vitest";
import { HeadlessNotebook } from "./headlessNotebook.js";

const notebook = new HeadlessNotebook("paddle-moelayer");

beforeAll(
  () => notebook.run({ d_model: 128, d_hidden: 128, steps: 200, learningRate: 0.01, vocab: 300 }),
  300_000,
);

describe("Paddle's MoELayer on text, headless and shortened", () => {
  it("runs to its end", () => {
    expect(notebook.status, notebook.log).toBe(0);
  });

  it("predicts held-out text much better than the frequencies of tokens do", () => {
    const losses = /unigram ([\d.]+), bigram ([\d.]+), model ([\d.]+)/.exec(notebook.printed("evaluation"))!;
    const [unigram, bigram, model] = losses.slice(1).map(Number);
    expect(bigram).toBeLessThan(unigram);
    expect(model).toBeLessThan(unigram - 0.8);
    expect(model).toBeGreaterThan(0.8); // less would mean that held-out text was trained on
  });

  it("shows the tables of routing while it trains", () => {
    expect(notebook.text("live")).toMatch(/entropy[\s\S]*model\.moe_layer/);
    const [steps] = /(\d+) rows/.exec(notebook.text("live"))!.slice(1).map(Number);
    expect(steps).toBeLessThan(200);
  });

  it.each(["train", "evaluation", "balance", "load", "coactivation", "ribbon"])(
    "draws %s in every form",
    (id) => {
      expect(notebook.shown(id)).toEqual(
        expect.arrayContaining(["application/vnd.vegalite.v5+json", "image/png", "text/plain"]),
      );
    },
  );
});
