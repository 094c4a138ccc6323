/** Weights on disk. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export {
  loadSafetensors,
  openSafetensors,
  type SafetensorsFile,
  type SaveOptions,
  saveSafetensors,
} from "./safetensors.js";
