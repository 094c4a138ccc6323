import { afterEach, expect, it } from "vitest";
import { addon } from "../../src/engine/addon.js";
import { moe, torch, train } from "../../src/index.js";

const flag = new Int32Array(new SharedArrayBuffer(4));
addon().watchForInterrupts(flag);
afterEach(() => {
  flag[0] = 0;
});

const layer = new moe.MoELayer({ dim: 32, hidden: 64, experts: 4, gate: moe.switchGate() }).eval();
const x = torch.randn([64, 32]).requiresGrad_();
const interrupted = expect.objectContaining({ name: "TorchError", code: "INTERRUPTED" });

function thrownBy(code: () => unknown): unknown {
  try {
    code();
  } catch (thrown) {
    return thrown;
  }
}

it("the experts stop when the flag is set, and compute the same afterwards", () => {
  const before = layer.forward(x);
  flag[0] = 1;
  expect(thrownBy(() => layer.forward(x))).toEqual(interrupted);
  flag[0] = 0;
  expect(layer.forward(x).sub(before).abs().max().item()).toBe(0);
});

it("so does their backward pass, and leaves autograd usable", () => {
  const sum = layer.forward(x).sum();
  flag[0] = 1;
  expect(thrownBy(() => sum.backward())).toEqual(interrupted);
  flag[0] = 0;
  layer.forward(x).sum().backward();
  expect(x.grad?.shape).toEqual([64, 32]);
});

it("a step of an optimizer is taken as a whole", () => {
  const parameters = layer.parameters();
  const optimizer = train.adamw({ lr: 0.1 })(layer);
  layer.forward(x).sum().backward();
  const before = parameters.map((parameter) => parameter.clone());
  flag[0] = 1;
  optimizer.step();
  for (const [at, parameter] of parameters.entries()) {
    expect(parameter.ne(before[at]).sum().item()).toBeGreaterThan(0);
  }
});

it("the flag has to be one number", () => {
  for (const wrong of [new Int32Array(0), new Uint8Array(4), 5]) {
    expect(() => addon().watchForInterrupts(wrong as Int32Array)).toThrow("expected an Int32Array");
  }
});
