/** Whole models. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export {
  type GenerateOptions,
  type MoEOptions,
  MoETransformer,
  type MoETransformerOptions,
  moeTransformer,
  type TokenRouting,
} from "./moeTransformer.js";
