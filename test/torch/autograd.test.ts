import { describe, expect, it } from "vitest";
import * as torch from "../../src/torch/index.js";

const leaf = (...values: number[]) => torch.tensor(values, { requiresGrad: true });

describe("backward", () => {
  it("adds up in the leaves", () => {
    const x = leaf(1, 2);
    x.mul(x).sum().backward();
    expect(x.grad!.toArray()).toEqual([2, 4]);
    x.mul(3).sum().backward();
    expect(x.grad!.toArray()).toEqual([5, 7]);
    x.grad = null;
    expect(x.grad).toBe(null);
    expect([x.isLeaf, x.gradFn, x.mul(2).isLeaf]).toEqual([true, null, false]);
  });

  it("takes a gradient, a graph once or often, and chosen inputs", () => {
    const x = leaf(1, 2);
    const y = leaf(3, 4);
    x.mul(y).backward(torch.tensor([1, 10]), { inputs: [x] });
    expect([x.grad!.toArray(), y.grad]).toEqual([[3, 40], null]);
    const loss = x.exp().sum();
    loss.backward(undefined, { retainGraph: true });
    loss.backward();
    expect(() => loss.backward()).toThrow(/second time/);
    expect(() => x.mul(2).backward()).toThrow(/scalar/);
  });

  it("stops at detach and noGrad", () => {
    const x = leaf(2);
    expect(x.detach().requiresGrad).toBe(false);
    expect(torch.noGrad(() => x.mul(2)).requiresGrad).toBe(false);
    expect(torch.noGrad(() => torch.enableGrad(() => x.mul(2))).requiresGrad).toBe(true);
    expect(() => x.add_(1)).toThrow(/leaf/);
    torch.noGrad(() => x.add_(1));
    expect(x.item()).toBe(3);
    expect(() => torch.tensor([1n], { requiresGrad: true })).toThrow(/floating point/);
  });

  it("works in tidy scopes, where the graph keeps what it needs", () => {
    const x = leaf(1, 2);
    const before = torch.memoryUsage().tensors;
    torch.tidy(() => {
      const loss = torch.tidy(() => x.mul(2).exp().sum());
      loss.backward();
    });
    expect(x.grad!.toArray()).toEqual(
      [2 * Math.exp(2), 2 * Math.exp(4)].map((value) => expect.closeTo(value, 3)),
    );
    expect(torch.memoryUsage().tensors - before).toBeLessThanOrEqual(1);
  });
});

describe("grad", () => {
  it("leaves `grad` alone, gives null only when allowed", () => {
    const x = leaf(3);
    const other = leaf(1);
    const [dx] = torch.grad(x.pow(2).sum(), [x]);
    expect([dx.item(), x.grad]).toEqual([6, null]);
    expect(() => torch.grad(x.sum(), [other])).toThrow(/allow_unused/);
    expect(torch.grad(x.sum(), [other], { allowUnused: true })).toEqual([null]);
    const [weighted] = torch.grad(x.mul(2), [x], { gradOutputs: [torch.tensor([5])] });
    expect(weighted.item()).toBe(10);
  });

  it("second and third derivatives", () => {
    const x = leaf(2);
    const [first] = torch.grad(x.pow(4).sum(), [x], { createGraph: true });
    const [second] = torch.grad(first.sum(), [x], { createGraph: true });
    const [third] = torch.grad(second.sum(), [x]);
    expect([first.item(), second.item(), third.item()]).toEqual([32, 48, 48]);
  });
});

describe("autogradFunction", () => {
  it("several outputs, arguments that are no tensors, unused outputs", () => {
    const seen: unknown[] = [];
    const scaled = torch.autogradFunction({
      name: "Scaled",
      forward(context, a: torch.Tensor, factor: number, b: torch.Tensor) {
        seen.push(context.needsInputGrad);
        context.saveForBackward(a, b);
        return [a.mul(factor), a.mul(b)];
      },
      backward(context, first, second) {
        seen.push([first === null, second === null]);
        const [a, b] = context.savedTensors;
        const fromFirst = first ? first.mul(3) : torch.zerosLike(a);
        return second ? [fromFirst.add(second.mul(b)), second.mul(a)] : [fromFirst, null];
      },
    });
    const a = leaf(1, 2);
    const b = torch.tensor([5, 6]);
    const [x, y] = scaled(a, 3, b);
    expect(x.gradFn).toBe("Scaled");
    x.add(y).sum().backward();
    expect(a.grad!.toArray()).toEqual([8, 9]);
    expect(seen).toEqual([
      [true, false],
      [false, false],
    ]);
    a.grad = null;
    scaled(a, 3, b)[0].sum().backward();
    expect(a.grad!.toArray()).toEqual([3, 3]);
  });

  it("no history without inputs that want it, or in noGrad", () => {
    const same = torch.autogradFunction({
      forward: (_, x: torch.Tensor) => x.mul(1),
      backward: (_, gradient) => gradient,
    });
    expect(same(torch.ones([2])).requiresGrad).toBe(false);
    expect(torch.noGrad(() => same(leaf(1))).requiresGrad).toBe(false);
    const x = leaf(1);
    const returned = torch.autogradFunction({
      forward: (_, given: torch.Tensor) => given,
      backward: (_, g) => g!.mul(2),
    })(x);
    returned.sum().backward();
    expect([x.isLeaf, x.grad!.item()]).toEqual([true, 2]);
  });

  it("higher derivatives through a backward made of operators", () => {
    const cube = torch.autogradFunction({
      forward(context, x: torch.Tensor) {
        context.saveForBackward(x);
        return x.pow(3);
      },
      backward: (context, gradient) => gradient!.mul(context.savedTensors[0].pow(2).mul(3)),
    });
    const x = leaf(2);
    const [first] = torch.grad(cube(x).sum(), [x], { createGraph: true });
    const [second] = torch.grad(first.sum(), [x]);
    expect([first.item(), second.item()]).toEqual([12, 12]);
  });
});
