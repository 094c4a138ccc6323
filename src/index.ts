/** moelab's API. */
export { type DisplayOptions, display, displaySymbol, host, type MimeBundle } from "./host.js";
export * as torch from "./torch/index.js";
export * as viz from "./viz/index.js";
