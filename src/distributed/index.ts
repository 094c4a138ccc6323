/** Ranks: processes that train one model together. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export { type LaunchedAs, launchedAs } from "./environment.js";
export { broadcastParameters, gradientNorm, reduceGradients } from "./gradients.js";
export { Group, Pending, type ReduceOp, type Traffic } from "./group.js";
export { type Axis, Mesh, type MeshSizes, mesh } from "./mesh.js";
export {
  close,
  divide,
  type InitOptions,
  init,
  localRank,
  rank,
  worldGroup,
  worldSize,
} from "./world.js";
