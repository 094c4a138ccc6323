// The native engine: compiled on this machine against the libtorch found before.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { CommandFailed, command } from "../command.mjs";
import { diagnose } from "../diagnosis.mjs";
import { SetupError } from "../error.mjs";
import { addon as built, native, onPath, root } from "../places.mjs";
import { hashOf } from "../stamp.mjs";
import { locate } from "./libtorch.mjs";
import { compiler } from "./tools.mjs";

/** One translation unit with libtorch's headers takes about this much memory to compile. */
const memoryPerJob = 2.5 * 2 ** 30;

function jobs() {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / memoryPerJob)));
}

function nvcc() {
  return onPath("nvcc") ?? ["/usr/local/cuda/bin/nvcc"].find((path) => existsSync(path));
}

/** CMake refuses a build folder that was made for another checkout or another libtorch. */
function foreignBuild(folder) {
  const cache = join(native, "build", "CMakeCache.txt");
  if (!existsSync(cache)) return false;
  const text = readFileSync(cache, "utf8");
  return !text.includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${native}\n`) || !text.includes(folder);
}

export const addon = {
  id: "addon",
  title: "native engine",
  tools: ["compiler", "cmake", "make"],
  hash() {
    const { folder, version } = locate();
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const builder = lock["node_modules/cmake-js"]?.version;
    return hashOf({
      folders: ["native"],
      facts: [
        root,
        folder,
        version,
        builder,
        compiler(),
        nvcc() ?? "no nvcc",
        process.platform,
        process.arch,
      ],
    });
  },
  present: () => existsSync(built),
  async run(progress) {
    const { folder, version } = locate();
    if (foreignBuild(folder)) rmSync(join(native, "build"), { recursive: true, force: true });
    const cmakeJs = join(root, "node_modules", "cmake-js", "bin", "cmake-js");
    try {
      await command(
        "addon",
        process.execPath,
        [cmakeJs, "build", "-d", native, `--CDMOELAB_TORCH=${folder}`],
        {
          env: { CMAKE_BUILD_PARALLEL_LEVEL: process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(jobs()) },
          onLine: progress.now,
        },
      );
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      const why = diagnose(error.output);
      const first = error.output.match(/^.*(CMake Error|error:).*(\n.+){0,3}/m)?.[0];
      throw new SetupError(
        `the native engine did not build: ${why?.cause ?? first ?? `${error.message}${error.tail()}`}`,
        why?.fix ?? "see the compiler's output in the log; `moelab doctor` lists the versions in use",
        { log: error.log },
      );
    }
    if (!existsSync(built)) {
      throw new SetupError(
        `the build succeeded but left no ${built}`,
        `delete ${join(native, "build")} and run it again`,
      );
    }
    return `built on libtorch ${version}`;
  },
};
