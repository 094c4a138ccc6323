import { bash } from "./bash.js";
import { directory } from "./directory.js";
import { environment } from "./environment.js";
import { npm } from "./npm.js";

/** What magics do in the executor, by the name under which the kernel process asks for it. */
export const operations = { bash, directory, environment, npm };

export type Operations = {
  [Name in keyof typeof operations]: (
    parameters: Parameters<(typeof operations)[Name]>[0],
  ) => ReturnType<(typeof operations)[Name]>;
};
