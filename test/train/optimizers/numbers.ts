import { expect } from "vitest";
import * as torch from "../../../src/torch/index.js";

/** The same numbers on both sides without a generator. */
export function wave(shape: number[], phase: number): torch.Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float64Array.from({ length: count }, (_, at) => Math.sin(at * 1.7 + phase));
  return torch.fromTypedArray(values, shape).float();
}

export const waveInPython = `import sys, json, math, torch
def wave(shape, phase):
    count = math.prod(shape)
    return torch.tensor([math.sin(at * 1.7 + phase) for at in range(count)], dtype=torch.float64).reshape(shape).float()
shapes = json.loads(sys.argv[1])
`;

export const asParameters = (tensors: torch.Tensor[]) => ({
  namedParameters: () => tensors.map((tensor, at) => [`p${at}`, tensor] as const),
});

export const flat = (tensors: torch.Tensor[]) =>
  tensors.flatMap((tensor) => Array.from(tensor.detach().float().asTypedArray({ copy: true }), Number));

/** @param floor size below which differences count as if a number had it */
export function expectClose(ours: number[], theirs: number[], relative: number, floor = 1e-3): void {
  expect(ours.length).toBe(theirs.length);
  for (const [at, value] of theirs.entries()) {
    expect(Math.abs(ours[at] - value)).toBeLessThanOrEqual(relative * Math.max(floor, Math.abs(value)));
  }
}
