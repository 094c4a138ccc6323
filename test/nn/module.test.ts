import { describe, expect, test } from "vitest";
import { nn, torch } from "../../src/index.js";

// Small tensors on cores shared with other tests: a second thread would only wait.
torch.setThreads(1);

class Inner extends nn.Module {
  proj = new nn.Linear(3, 2);
  steps = this.registerBuffer("steps", torch.zeros([2]));
  scratch = this.registerBuffer("scratch", torch.ones([1]), { persistent: false });

  forward(x: torch.Tensor): torch.Tensor {
    return this.proj.forward(x).add(this.steps);
  }
}

class Outer extends nn.Module {
  first = new Inner();
  list = [new Inner(), new nn.Dropout(0.5)];
  scale = new nn.Parameter(torch.ones([2]));
  sameScale = this.scale;
  note = "not a part";

  forward(x: torch.Tensor): torch.Tensor {
    return this.first.forward(x).mul(this.scale);
  }
}

describe("what a module holds", () => {
  test("parameters, buffers and modules are found by property, in arrays too, shared ones once", () => {
    const model = new Outer();
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      "scale",
      "first.proj.weight",
      "first.proj.bias",
      "list.0.proj.weight",
      "list.0.proj.bias",
    ]);
    expect(model.namedBuffers().map(([name]) => name)).toEqual([
      ...["first.steps", "first.scratch", "list.0.steps", "list.0.scratch"],
    ]);
    expect(model.namedModules().map(([name]) => name)).toEqual([
      ...["", "first", "first.proj", "list.0", "list.0.proj", "list.1"],
    ]);
    expect(model.parameterCount()).toBe(2 + 2 * (6 + 2));
  });

  test("modes reach every module", () => {
    const model = new Outer();
    expect(
      model
        .eval()
        .modules()
        .map((module) => module.training),
    ).not.toContain(true);
    expect(
      model
        .train()
        .modules()
        .map((module) => module.training),
    ).not.toContain(false);
  });

  test("the tree shows every module, equal neighbours of a list once", () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 2), new nn.Dropout(0.1));
    expect(String(model)).toBe(
      "Sequential()\n  layers.0 … layers.1: Linear(2, 2)\n  layers.2: Dropout(0.1)\n12 parameters",
    );
  });

  test("a class of its own may have a constructor, private members and options", () => {
    class Scaled extends nn.Module {
      #calls = 0;
      private readonly inner: nn.Linear;
      constructor(readonly factor: number) {
        super();
        this.inner = new nn.Linear(4, 4);
      }
      forward(x: torch.Tensor): torch.Tensor {
        this.#calls++;
        return this.inner.forward(x).mul(this.factor * this.#calls);
      }
    }
    const scaled = new Scaled(2);
    expect(scaled.forward(torch.ones([1, 4])).shape).toEqual([1, 4]);
    expect(scaled.parameters()).toHaveLength(2);
  });
});

describe("parameters", () => {
  test("outlive the scope they were made in, require gradients and collect them", () => {
    const layer = torch.tidy(() => {
      const made = new Outer();
      return { made };
    }).made;
    layer
      .forward(torch.ones([5, 3]))
      .sum()
      .backward();
    const bias = layer.first.proj.bias as nn.Parameter;
    expect(bias.requiresGrad).toBe(true);
    expect(bias.grad?.toArray()).toEqual([5, 5]);
    layer.zeroGrad();
    expect(layer.parameters().map((parameter) => parameter.grad)).toEqual(layer.parameters().map(() => null));
  });

  test("are freed with their module", () => {
    const before = torch.memoryUsage().tensors;
    for (let at = 0; at < 50; at++) new nn.Linear(8, 8);
    torch.collectGarbage();
    expect(torch.memoryUsage().tensors - before).toBeLessThan(10);
  });

  test("a frozen one has no gradient", () => {
    expect(new nn.Parameter(torch.ones([2]), false).requiresGrad).toBe(false);
  });

  test("equal seeds draw equal weights", () => {
    const draw = (seed: number) => {
      torch.manualSeed(seed);
      return new nn.Linear(4, 4).weight.toArray();
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

describe("moving", () => {
  test("a dtype is taken by what has fractions, gradients included; the objects stay the same", () => {
    const model = new Outer();
    model.first.registerBuffer("count", torch.zeros([1], { dtype: "int64" }));
    model
      .forward(torch.ones([1, 3]))
      .sum()
      .backward();
    const { weight } = model.first.proj;
    model.to("float64");
    expect(model.first.proj.weight).toBe(weight);
    expect(weight.dtype).toBe("float64");
    expect(weight.requiresGrad && weight.isLeaf).toBe(true);
    expect(weight.grad?.dtype).toBe("float64");
    expect(model.first.steps.dtype).toBe("float64");
    expect(model.namedBuffers().find(([name]) => name === "first.count")?.[1].dtype).toBe("int64");
    weight.grad = null;
    model
      .forward(torch.ones([1, 3]).double())
      .sum()
      .backward();
    expect(weight.grad).not.toBeNull();
  });
});

describe("state", () => {
  test("a round trip copies every value, without buffers that are not persistent", () => {
    const from = new Outer();
    const to = new Outer();
    torch.noGrad(() => from.first.steps.fill_(3));
    const state = from.stateDict();
    expect(Object.keys(state)).toHaveLength(5 + 2);
    expect(to.loadStateDict(state)).toEqual({ missing: [], unexpected: [] });
    expect(to.first.steps.toArray()).toEqual([3, 3]);
    expect(to.first.proj.weight.toArray()).toEqual(from.first.proj.weight.toArray());
    expect(to.first.proj.weight.storagePointer).not.toBe(from.first.proj.weight.storagePointer);
  });

  test("misfits are all listed, and nothing is copied", () => {
    const model = new Outer();
    const { scale: _, ...state } = model.stateDict();
    state["first.proj.weight"] = torch.zeros([3, 3]);
    state.other = torch.zeros([1]);
    const before = model.first.proj.bias?.toArray();
    state["first.proj.bias"] = torch.zeros([2]);
    expect(() => model.loadStateDict(state)).toThrow(
      /Outer[\s\S]*missing \(1\):\n {4}scale[\s\S]*unexpected \(1\):\n {4}other[\s\S]*first\.proj\.weight: expected \[2, 3\], got \[3, 3\]/,
    );
    expect(model.first.proj.bias?.toArray()).toEqual(before);
  });

  test("strict: false copies what fits and tells the rest", () => {
    const model = new Outer();
    const result = model.loadStateDict(
      { scale: torch.zeros([2]), other: torch.zeros([1]) },
      { strict: false },
    );
    expect(result.missing).toHaveLength(6);
    expect(result.unexpected).toEqual(["other"]);
    expect(model.scale.toArray()).toEqual([0, 0]);
    expect(() => model.loadStateDict({ scale: torch.zeros([3]) }, { strict: false })).toThrow(
      /expected \[2\], got \[3\]/,
    );
  });
});

describe("misuse", () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      "option",
      () => new nn.Linear(2, 2, { biass: false } as never),
      /no option 'biass': did you mean 'bias'\?/,
    ],
    ["size", () => new nn.Linear(2.5, 2), /inFeatures must be a whole number from 1 up, got 2.5/],
    ["probability", () => new nn.Dropout(1), /p must be a finite number ≥ 0 and < 1, got 1/],
    [
      "head count",
      () => new nn.CausalSelfAttention({ dim: 10, heads: 4 }),
      /dim must be a multiple of heads/,
    ],
    ["kv heads", () => new nn.CausalSelfAttention({ dim: 8, heads: 4, kvHeads: 3 }), /multiple of kvHeads/],
    [
      "activation",
      () => new nn.FeedForward({ dim: 2, hidden: 2, activation: "relu" as never }),
      /"gelu" or "swiglu"/,
    ],
    ["buffer", () => new Inner().registerBuffer("steps", torch.zeros([1])), /a buffer "steps" already/],
    ["no module", () => new nn.Sequential(3 as never), /expected modules, got number as argument 1/],
  ])("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});
