import { createRequire } from "node:module";

const load = createRequire(import.meta.url);

/** Stock TypeScript. Its internal functions are used here, hence no types. */
export const typescript: any = load("typescript");

// TypeScript remembers the first answer; a process whose memory was made in another folder has to ask.
typescript.sys.getCurrentDirectory = () => process.cwd();
