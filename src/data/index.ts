/** Text, tokens, batches. */
import "../torch/methods.js"; // the tensors that come from here have all their methods

export type { Dataset } from "./dataset.js";
export { type Examples, TensorDataset, type TensorDatasetOptions, tensors } from "./tensorDataset.js";
export { type TextFiles, type TextOptions, text } from "./text.js";
export { TokenDataset, type TokenDatasetOptions, tokens } from "./tokenDataset.js";
export { type Tokenizer, tokenizer } from "./tokenizer.js";
export type { TokenizerJson } from "./tokenizerJson.js";
export { type TrainBpeOptions, trainBpe } from "./trainBpe.js";
