import type { CellMagic, LineMagic } from "./magic.js";

const around = { measured: true };

export const time: LineMagic = {
  name: "time",
  summary: "Runs a statement and prints the CPU time and the wall time that it took.",
  argument: "STATEMENT",
  around,
};

export const timeCell: CellMagic = {
  name: "time",
  summary: "Runs the cell and prints the CPU time and the wall time that it took.",
  argument: "",
  body: "typescript",
  around,
};
