/** Whole models. */
export {
  type GenerateOptions,
  type MoEOptions,
  MoETransformer,
  type MoETransformerOptions,
  moeTransformer,
  type TokenRouting,
} from "./moeTransformer.js";
