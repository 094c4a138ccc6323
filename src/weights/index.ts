/** Weights on disk. */
export {
  loadSafetensors,
  openSafetensors,
  type SafetensorsFile,
  type SaveOptions,
  saveSafetensors,
} from "./safetensors.js";
