import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { ask } from "./ask.js";
import type { Engine } from "./engine.js";
import { type Finding, off, ok } from "./finding.js";
import { pythonPackage } from "./versions.js";

/** The graphics cards the driver sees, or why there are none. */
async function driver(): Promise<{ finding: Finding; cards: number }> {
  const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
  const answer = await ask("nvidia-smi", query);
  if (answer.well && answer.output) {
    const cards = answer.output.split("\n");
    return { finding: ok("nvidia driver", cards.join("; ")), cards: cards.length };
  }
  if (!answer.missing) {
    const said = (answer.errors || answer.output).split("\n")[0];
    const fix = "check that the driver's kernel module is loaded and matches";
    return { finding: off("nvidia driver", `nvidia-smi fails: ${said}`, fix), cards: 0 };
  }
  if (
    existsSync("/proc/driver/nvidia/version") ||
    (await ask("ldconfig", ["-p"])).output.includes("libcuda.so.1")
  ) {
    return {
      finding: ok("nvidia driver", "installed; nvidia-smi is not, so the cards are not listed"),
      cards: 1,
    };
  }
  const reason = "no NVIDIA driver: neither nvidia-smi nor libcuda.so.1 is on this machine";
  return { finding: off("nvidia driver", reason), cards: 0 };
}

const otherBuild = "set up with a CUDA build: LIBTORCH=/path/to/libtorch npm run setup";

/** The first reason that stands between this machine and computing on a card. */
function obstacle(
  engine: Engine | undefined,
  build: string,
  cards: number,
): [reason: string, fix?: string] | undefined {
  if (!engine) return ["the engine does not load, see above", "run `npm run setup`"];
  if (engine.library && !existsSync(join(dirname(engine.library), "libtorch_cuda.so"))) {
    return [`libtorch ${build} is a CPU build`, cards > 0 ? otherBuild : undefined];
  }
  if (cards === 0) return ["no NVIDIA driver, see above"];
  return undefined;
}

function cuda(engine: Engine | undefined, build: string, cards: number): Finding {
  const known = obstacle(engine, build, cards);
  if (known) return off("cuda", ...known);
  if (engine?.cuda) return ok("cuda", `libtorch ${build} with ${cards} device${cards === 1 ? "" : "s"}`);
  const fix = "compare the driver's version with what this libtorch needs (`nvidia-smi` shows both)";
  return off("cuda", `libtorch ${build} was built with CUDA but finds no usable device`, fix);
}

/** Where NCCL's library is: beside libtorch's Python package, in libtorch itself, or in the system. */
async function ncclLibrary(engine: Engine): Promise<string | undefined> {
  const lib = dirname(engine.library ?? "/");
  const wheel = join(lib, "..", "..", "nvidia", "nccl", "lib");
  if (existsSync(wheel) && readdirSync(wheel).some((name) => name.startsWith("libnccl.so"))) {
    return pythonPackage("nvidia_nccl_cu13") ?? pythonPackage("nvidia_nccl_cu12") ?? wheel;
  }
  const system = (await ask("ldconfig", ["-p"])).output.match(/libnccl\.so\S* .*=> (\S+)/)?.[1];
  // The libtorch archives have NCCL linked into libtorch_cuda.so itself.
  return system ?? (existsSync(join(lib, "libtorch_cuda.so")) ? "inside libtorch_cuda.so" : undefined);
}

async function nccl(engine: Engine | undefined, build: string, cards: number): Promise<Finding> {
  const known = obstacle(engine, build, cards);
  if (known) return off("nccl", ...known);
  const library = engine && (await ncclLibrary(engine));
  return library
    ? ok("nccl", library)
    : off("nccl", "no libnccl.so.2 beside libtorch or in the system", otherBuild);
}

export async function gpu(engine: Engine | undefined, build: string): Promise<Finding[]> {
  const { finding, cards } = await driver();
  return [finding, cuda(engine, build, cards), await nccl(engine, build, cards)];
}
