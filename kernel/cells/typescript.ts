import { createRequire } from "node:module";

/** Stock TypeScript. Its internal functions are used here, hence no types. */
export const typescript: any = createRequire(import.meta.url)("typescript");

// TypeScript remembers the first answer; a process whose memory was made in another folder has to ask.
typescript.sys.getCurrentDirectory = () => process.cwd();
