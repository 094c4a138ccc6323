/** moelab's API. */
export * as arrow from "./arrow/index.js";
export * as data from "./data/index.js";
export * as dist from "./distributed/index.js";
export { type DisplayOptions, display, displaySymbol, host, type MimeBundle } from "./host.js";
export * as models from "./models/index.js";
export * as moe from "./moe/index.js";
export * as nn from "./nn/index.js";
export { type AsyncProgress, Progress, type ProgressOptions, progress } from "./progress/index.js";
export * as torch from "./torch/index.js";
export * as train from "./train/index.js";
export * as viz from "./viz/index.js";
export * as weights from "./weights/index.js";
export * as widgets from "./widgets/index.js";
