// What the kernel's processes start from, images and bundles: without, the first cell waits a second longer.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CommandFailed, command } from "../command.mjs";
import { root, state } from "../places.mjs";
import { hashOf } from "../stamp.mjs";

const folder = join(state, "compiler");
const bundle = join(root, "dist", "kernel", "bundle", "commands.bundle");
const program = join(root, "dist", "kernel", "cells", "image", "buildImage.js");

export const compilerImage = {
  id: "compilerImage",
  title: "TypeScript compiler, ready to start",
  tools: [],
  hash: () =>
    hashOf({
      files: ["package-lock.json"],
      folders: ["kernel", "src"],
      wanted: (name) => /\.[cm]?ts$/.test(name),
      facts: [process.version, root],
    }),
  present: () => existsSync(bundle) && existsSync(folder) && readdirSync(folder).length > 0,
  async run() {
    try {
      await command("compilerImage", process.execPath, [program]);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      return `left out, kernels start slower: ${error.message}`;
    }
    return "made";
  },
};
