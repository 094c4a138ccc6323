import { expect, it } from "vitest";
import { completenessOf } from "../../../kernel/cells/completeness.js";

it.each([
  ["1 + 1", "complete", undefined],
  ["", "complete", undefined],
  ["const a = `x", "incomplete", ""],
  ["/* open", "incomplete", ""],
  ["if (x) {\n  f(", "incomplete", "    "],
  ["a.", "incomplete", ""],
  ['"open', "invalid", undefined],
  ["let = = 3", "invalid", undefined],
  ["}", "invalid", undefined],
])("%j is %s", (code, status, indent) => {
  expect(completenessOf(code)).toEqual(indent === undefined ? { status } : { status, indent });
});
