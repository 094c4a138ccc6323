// Which libtorch the engine is built on: the one LIBTORCH names, else the one in the private Python environment.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CommandFailed, command } from "../command.mjs";
import { SetupError } from "../error.mjs";
import { environment } from "../places.mjs";
import { hashOf } from "../stamp.mjs";

const wanted = "2.13";
const unset = "unset LIBTORCH to let the set-up install its own";
const library = process.platform === "darwin" ? "libtorch.dylib" : "libtorch.so";

function packageFolder() {
  const lib = join(environment, "lib");
  const versions = existsSync(lib) ? readdirSync(lib).filter((name) => name.startsWith("python")) : [];
  return versions.map((name) => join(lib, name, "site-packages", "torch")).find((path) => existsSync(path));
}

/** The folder that holds include/, lib/ and share/cmake/Torch, and its version. Throws when it is not usable. */
export function locate() {
  const given = process.env.LIBTORCH;
  const folder = given ? resolve(given) : packageFolder();
  if (!folder) {
    throw new SetupError(
      `no torch package in ${environment}`,
      `delete ${environment} and run the same command again`,
    );
  }
  const who = given ? `LIBTORCH=${given}` : folder;
  const fix = given
    ? `point LIBTORCH at an unpacked libtorch ${wanted}, or ${unset}`
    : `delete ${environment}`;
  if (!existsSync(folder)) throw new SetupError(`${who}: there is no such folder`, fix);
  const missing = ["include", `lib/${library}`, "share/cmake/Torch/TorchConfig.cmake"].filter(
    (part) => !existsSync(join(folder, part)),
  );
  if (missing.length > 0) {
    throw new SetupError(`${who} is not a libtorch folder: ${missing.join(", ")} missing`, fix);
  }
  return { folder, version: versionOf(folder), given: Boolean(given) };
}

function versionOf(folder) {
  for (const header of [
    "include/torch/headeronly/version.h",
    "include/torch/csrc/api/include/torch/version.h",
  ]) {
    if (!existsSync(join(folder, header))) continue;
    const text = readFileSync(join(folder, header), "utf8");
    const part = (name) => text.match(new RegExp(`#define TORCH_VERSION_${name} (\\d+)`))?.[1];
    const numbers = [part("MAJOR"), part("MINOR"), part("PATCH")];
    if (numbers.every(Boolean)) return numbers.join(".");
  }
  return "unknown";
}

/** Loads the library in a process of its own: a broken one ends that process, not the set-up. */
const load = `
  const { constants } = require("node:os");
  try {
    process.dlopen({ exports: {} }, process.argv[1], constants.dlopen.RTLD_NOW);
  } catch (error) {
    // Loaded, and then rightly found not to be a Node addon.
    if (!/self-register/.test(error.message)) { console.error(error.message); process.exit(1); }
  }`;

export const libtorch = {
  id: "libtorch",
  title: "libtorch",
  tools: [],
  hash() {
    const { folder, version } = locate();
    // A CPU and a CUDA build of one version may replace each other in the same folder.
    const { size, mtimeMs } = statSync(join(folder, "lib", library));
    return hashOf({ facts: [folder, version, size, mtimeMs] });
  },
  present: () => true,
  async run(progress) {
    const { folder, version, given } = locate();
    if (version !== "unknown" && !version.startsWith(`${wanted}.`)) {
      throw new SetupError(
        `${folder} is libtorch ${version}, but the engine is written for ${wanted}`,
        given
          ? `point LIBTORCH at libtorch ${wanted}, or ${unset}`
          : `delete ${environment} and run it again`,
      );
    }
    progress.now(`loading ${folder}`);
    try {
      await command("libtorch", process.execPath, ["-e", load, join(folder, "lib", library)]);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      const reason = error.output.trim().split("\n").at(-1) || error.message;
      throw new SetupError(
        `libtorch ${version} in ${folder} does not load: ${reason}`,
        given
          ? `point LIBTORCH at a libtorch ${wanted} built for this system (${process.platform} ${process.arch}), or ${unset}`
          : `delete ${environment} and run the same command again`,
      );
    }
    return `${version} in ${folder}`;
  },
};
