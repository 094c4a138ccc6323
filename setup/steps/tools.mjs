// The programs a fresh machine must bring. Asked for before anything is downloaded, all missing ones in one error.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { SetupError } from "../error.mjs";
import { onPath } from "../places.mjs";

const run = promisify(execFile);
const manager = ["apt-get", "dnf", "brew"].find((name) => onPath(name));

/** Per tool: how to ask it, the oldest version that works, and what the system's package manager calls it. */
const tools = {
  node: {
    title: "Node",
    ask: async () => process.versions.node,
    oldest: [20, 19], // earlier ones cannot require() the modules that apache-arrow gives to importers
    packages: { "apt-get": "nodejs", dnf: "nodejs", brew: "node" },
  },
  npm: {
    title: "npm",
    ask: async () => (await run("npm", ["--version"])).stdout,
    oldest: [8],
    packages: { "apt-get": "npm", dnf: "npm", brew: "node" },
  },
  python: {
    title: "Python 3",
    ask: async () =>
      (await run("python3", ["-c", "import platform; print(platform.python_version())"])).stdout,
    oldest: [3, 10],
    packages: { "apt-get": "python3", dnf: "python3", brew: "python" },
  },
  venv: {
    title: "Python's venv module",
    needs: "python",
    // ensurepip is what Debian leaves out of its python3 package: without it venv makes half an environment.
    ask: async () => (await run("python3", ["-c", "import venv, ensurepip"])).stdout,
    packages: { "apt-get": "python3-venv", dnf: "python3", brew: "python" },
  },
  compiler: {
    title: "a C++ compiler (g++ or clang++)",
    ask: async () => (await run(compiler(), ["--version"])).stdout,
    packages: { "apt-get": "g++", dnf: "gcc-c++", brew: "llvm" },
  },
  cmake: {
    title: "CMake",
    ask: async () => (await run("cmake", ["--version"])).stdout,
    oldest: [3, 18],
    packages: { "apt-get": "cmake", dnf: "cmake", brew: "cmake" },
  },
  make: {
    title: "make or ninja",
    ask: async () => (await run(onPath("ninja") ? "ninja" : "make", ["--version"])).stdout,
    packages: { "apt-get": "make", dnf: "make", brew: "ninja" },
  },
};

export function compiler() {
  return process.env.CXX || ["c++", "g++", "clang++"].find((name) => onPath(name)) || "c++";
}

function older(version, oldest) {
  const numbers =
    version
      .match(/\d+(\.\d+)*/)?.[0]
      .split(".")
      .map(Number) ?? [];
  for (const [at, least] of oldest.entries()) {
    if ((numbers[at] ?? 0) !== least) return (numbers[at] ?? 0) < least;
  }
  return false;
}

async function fault(tool) {
  try {
    const answer = await tool.ask();
    if (!tool.oldest || !older(answer, tool.oldest)) return undefined;
    return `${tool.title} is too old (${tool.oldest.join(".")} or newer is needed, this is ${answer.trim().split("\n")[0]})`;
  } catch (error) {
    return error.code === "ENOENT"
      ? `${tool.title} is not installed or not on PATH`
      : `${tool.title} does not work (${(error.stderr || error.message).trim().split("\n").at(-1)})`;
  }
}

/** Throws one SetupError that names every tool of `names` which is missing, too old or broken. */
export async function requireTools(names) {
  const asked = [...new Set(names)].map((name) => ({ name, ...tools[name] }));
  const faults = await Promise.all(asked.map(fault));
  const bad = asked.map((tool, at) => ({ ...tool, fault: faults[at] })).filter((tool) => tool.fault);
  // A missing Python explains a missing venv.
  const shown = bad.filter((tool) => !bad.some((other) => other.name === tool.needs));
  if (shown.length === 0) return;
  const packages = [...new Set(shown.map((tool) => tool.packages[manager ?? "apt-get"]))].join(" ");
  const sudo = manager === "brew" || process.getuid?.() === 0 ? "" : "sudo ";
  throw new SetupError(
    shown.map((tool) => tool.fault).join("; "),
    manager
      ? `run \`${sudo}${manager} install ${packages}\`, then the same command again`
      : `install with your system's package manager (on Debian: ${packages}), then run the same command again`,
  );
}
