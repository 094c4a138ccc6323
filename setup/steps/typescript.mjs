// The TypeScript sources, compiled to dist/.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CommandFailed, command } from "../command.mjs";
import { SetupError } from "../error.mjs";
import { cli, root, tsc } from "../places.mjs";
import { hashOf } from "../stamp.mjs";

export const typescript = {
  id: "typescript",
  title: "TypeScript sources",
  tools: [],
  hash: () =>
    hashOf({
      files: ["tsconfig.json", "package.json", "package-lock.json"],
      folders: ["kernel", "src", "bench"],
      wanted: (name) => /\.[cm]?ts$/.test(name),
    }),
  present: () => existsSync(cli),
  async run(progress) {
    // The compiler trusts its own record of what it wrote, even when somebody deleted a part of dist/.
    if (!existsSync(cli)) rmSync(join(root, "dist", ".tsbuildinfo"), { force: true });
    try {
      await command("typescript", process.execPath, [tsc, "-p", "tsconfig.json"], { onLine: progress.now });
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      const errors = error.output.split("\n").filter((line) => / error TS\d+: /.test(line));
      throw new SetupError(
        errors.length > 0
          ? `the TypeScript sources do not compile, ${errors.length} errors:\n    ${errors.slice(0, 8).join("\n    ")}`
          : `the TypeScript compiler failed: ${error.message}${error.tail()}`,
        "correct the sources (`npm run build` shows every error)",
        { log: error.log },
      );
    }
    return "compiled to dist/";
  },
};
