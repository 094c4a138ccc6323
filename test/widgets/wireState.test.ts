import { expect, it } from "vitest";
import { ownName, putBuffers, wireName, withoutBuffers } from "../../src/widgets/wireState.js";

it("names are in snake_case there and in camelCase here", () => {
  for (const [own, wire] of [
    ["value", "value"],
    ["readoutFormat", "readout_format"],
    ["_optionsLabels", "_options_labels"],
  ]) {
    expect(wireName(own)).toBe(wire);
    expect(ownName(wire)).toBe(own);
  }
});

it("binary values travel beside the state and come back to their places", () => {
  const pixels = new Uint8Array([1, 2, 3]);
  const weights = new Float32Array([1.5]);
  const given = { value: pixels, name: "a", parts: [weights, { deep: pixels.buffer, n: 1 }], none: null };
  const { state, bufferPaths, buffers } = withoutBuffers(given);
  expect(state).toEqual({ name: "a", parts: [null, { n: 1 }], none: null });
  expect(bufferPaths).toEqual([["value"], ["parts", 0], ["parts", 1, "deep"]]);
  expect(buffers.map((each) => each.byteLength)).toEqual([3, 4, 3]);

  putBuffers(state, bufferPaths, buffers);
  expect(state).toMatchObject({ value: buffers[0], parts: [buffers[1], { deep: buffers[2], n: 1 }] });
});

it("paths that lead nowhere do no harm", () => {
  const state: Record<string, unknown> = { value: 1 };
  putBuffers(
    state,
    [["missing", "x"], ["__proto__", "x"], ["value", "x"], []],
    [1, 2, 3, 4].map((n) => new Uint8Array(n)),
  );
  expect(({} as any).x).toBeUndefined();
  expect(state.value).toBe(1);
});
