import type { Ending } from "./cells.js";

const name = "KernelInterrupt";
const message = "The cell was interrupted before it ran.";
const error = { name, message, traceback: [`${name}: ${message}`] };

/** The end of a cell that was interrupted while it was being checked. */
export const interruptedEarly: Ending = { status: "interrupted", error };
