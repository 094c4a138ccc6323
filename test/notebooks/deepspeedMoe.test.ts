import { beforeAll, describe, expect, it } from "vitest";
import { HeadlessNotebook } from "./headlessNotebook.js";

const notebook = new HeadlessNotebook("deepspeed-moe");

beforeAll(() => notebook.run({ steps: 250 }), 300_000);

describe("DeepSpeed's MoE on digits, headless and shortened", () => {
  it("runs to its end", () => {
    expect(notebook.status, notebook.log).toBe(0);
  });

  it("reads digits that it has not seen, better without a capacity", () => {
    const shares = /capacity ([\d.]+)%, dropless ([\d.]+)%/.exec(notebook.printed("evaluation"))!;
    const [withCapacity, dropless] = shares.slice(1).map(Number);
    expect(dropless).toBeGreaterThan(70); // guessing: 10
    expect(withCapacity).toBeLessThan(dropless);
  });

  it("shows the tables of routing while it trains", () => {
    expect(notebook.text("live")).toMatch(/droppedTokens[\s\S]*moeLayerList\.0/);
    const [steps] = /(\d+) rows/.exec(notebook.text("live"))!.slice(1).map(Number);
    expect(steps).toBeGreaterThan(0);
    expect(steps).toBeLessThan(250);
  });

  it("counts which expert reads which digit, and what was dropped", () => {
    const counts = notebook.text("experts").match(/\d+/g)!.map(Number);
    expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(360);
    expect(notebook.printed("dropped")).toMatch(/first tenth of training: [\d.]+%, in the last: [\d.]+%/);
  });

  it.each(["train", "evaluation", "balance", "load"])("draws %s in every form", (id) => {
    expect(notebook.shown(id)).toEqual(
      expect.arrayContaining(["application/vnd.vegalite.v5+json", "image/png", "text/plain"]),
    );
  });
});
