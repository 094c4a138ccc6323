import type { CellMagic } from "./magic.js";

export const unchecked: CellMagic = {
  name: "unchecked",
  summary: "Runs the cell in spite of type errors, as a first line // @ts-nocheck does.",
  argument: "",
  body: "typescript",
  around: { unchecked: true },
};
