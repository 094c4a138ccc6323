export { type AsyncProgress, Progress, type ProgressOptions, progress } from "./progress.js";
