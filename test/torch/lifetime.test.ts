import { describe, expect, it } from "vitest";
import * as torch from "../../src/torch/index.js";

const megabyte = 2 ** 20;

describe("memory comes back", () => {
  it("after dispose, tidy and collectGarbage", () => {
    torch.collectGarbage();
    const before = torch.memoryUsage();
    const held = torch.ones([megabyte]);
    expect(torch.memoryUsage()).toEqual({ tensors: before.tensors + 1, bytes: before.bytes + 4 * megabyte });
    held.dispose();
    expect(torch.memoryUsage()).toEqual(before);
    torch.tidy(() => {
      for (let i = 0; i < 100; i++) torch.ones([1000]).add(1);
    });
    expect(torch.memoryUsage()).toEqual(before);
    (() => {
      for (let i = 0; i < 100; i++) torch.ones([1000]).add(1);
    })();
    torch.collectGarbage();
    expect(torch.memoryUsage()).toEqual(before);
  });

  it("with `using`-style disposal", () => {
    const before = torch.memoryUsage().tensors;
    const tensor = torch.ones([2]);
    tensor[Symbol.dispose]();
    tensor.dispose();
    expect([tensor.disposed, torch.memoryUsage().tensors]).toEqual([true, before]);
  });

  it("in a synchronous loop without any disposal", () => {
    torch.collectGarbage();
    const before = torch.memoryUsage();
    let most = before.bytes;
    let tensors = 0;
    for (let i = 0; i < 400; i++) {
      torch
        .ones([megabyte / 4])
        .add(1)
        .mul(2);
      for (let j = 0; j < 50; j++) torch.ones([1]);
      const usage = torch.memoryUsage();
      most = Math.max(most, usage.bytes);
      tensors = Math.max(tensors, usage.tensors);
    }
    expect(most - before.bytes).toBeLessThan(64 * megabyte); // of 1.2 GB
    expect(tensors - before.tensors).toBeLessThan(12_000); // of 21,200
  });

  it("of what grows old first, as in a replay list", () => {
    torch.collectGarbage();
    const before = torch.memoryUsage().bytes;
    const replay: torch.Tensor[] = [];
    let most = 0;
    for (let i = 0; i < 1000; i++) {
      replay.push(torch.ones([megabyte / 4]));
      if (replay.length > 16) replay.shift();
      most = Math.max(most, torch.memoryUsage().bytes - before);
    }
    expect(most).toBeLessThan(128 * megabyte); // of 1 GB, 16 MB of it in use
    expect(replay.every((tensor) => tensor.sum().item() === megabyte / 4)).toBe(true);
  });

  it("not while anything refers to it", () => {
    const held = Array.from({ length: 20_000 }, (_, i) => torch.full([1], i));
    torch.collectGarbage();
    expect(held.every((tensor, i) => tensor.item() === i)).toBe(true);
  });
});
