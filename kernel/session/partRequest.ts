import type { CompiledCell } from "../cells/compiler.js";
import type { ExecuteRequest } from "./events.js";

/** An execution of what is compiled already: a part of the request's code, or something that stands for it. */
export interface PartRequest extends ExecuteRequest {
  compiled: CompiledCell;
  /** The last expression is the cell's value. */
  showsValue: boolean;
}
