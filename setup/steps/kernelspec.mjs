// Tells the private environment's Jupyter where the kernel is.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CommandFailed, command } from "../command.mjs";
import { SetupError } from "../error.mjs";
import { cli, environment, root } from "../places.mjs";
import { hashOf } from "../stamp.mjs";

const file = join(environment, "share", "jupyter", "kernels", "moelab", "kernel.json");

export const kernelspec = {
  id: "kernelspec",
  title: "Jupyter kernel",
  tools: [],
  // The kernel's file names this Node and this project by their paths.
  hash: () =>
    hashOf({ folders: ["kernel"], wanted: (name) => name.endsWith(".ts"), facts: [process.execPath, root] }),
  present: () => existsSync(file),
  async run() {
    try {
      await command("kernelspec", process.execPath, [cli, "kernel", "install", "--prefix", environment]);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw new SetupError(
        `the kernel could not be installed for Jupyter: ${error.message}${error.tail(4)}`,
        "run `npx moelab doctor` and mend what it reports",
        { log: error.log },
      );
    }
    return `installed in ${environment}`;
  },
};
