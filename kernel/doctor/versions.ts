import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installationFolder, moelabVersion } from "../installation.js";
import { ask, versionIn } from "./ask.js";
import { type Finding, off, ok, problem } from "./finding.js";
import { environment } from "./places.js";

const setUp = "run `npm run setup`";
const oldestNode = [20, 11];

function node(): Finding {
  const version = process.versions.node;
  const [major, minor] = version.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]))
    return ok("node", version);
  return problem("node", `Node ${oldestNode.join(".")} or newer is needed`, "install a newer Node", version);
}

/** The npm packages moelab cannot do without, and one with a native part that is loaded to see whether it does. */
const packages = ["typescript", "tslab", "zeromq", "apache-arrow"];

async function npmPackage(name: string): Promise<Finding> {
  const file = join(installationFolder, "node_modules", name, "package.json");
  if (!existsSync(file)) return problem(name, "the package is not installed", setUp);
  const { version } = JSON.parse(readFileSync(file, "utf8"));
  if (name !== "zeromq") return ok(name, version);
  const answer = await ask(process.execPath, ["-e", `require(${JSON.stringify(join(file, ".."))})`]);
  if (answer.well) return ok(name, version);
  const reason =
    answer.errors.match(/^\w*Error: .*$/m)?.[0] ?? `its process ended with ${answer.signal ?? "an error"}`;
  return problem(
    name,
    `its native part does not load: ${reason}`,
    `delete node_modules and ${setUp}`,
    version,
  );
}

async function tool(name: string, program: string): Promise<Finding> {
  const answer = await ask(program, ["--version"]);
  if (answer.well) return ok(name, versionIn(answer.output || answer.errors));
  const why = answer.missing ? `no program ${program} on PATH` : answer.errors.split("\n").at(-1);
  return off(name, `${why}; only the set-up needs it`, `install ${program} to set moelab up again`);
}

async function compiler(): Promise<Finding> {
  const candidates = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  for (const program of candidates) {
    const answer = await ask(program, ["--version"]);
    if (answer.well) return ok("compiler", answer.output.split("\n")[0]);
  }
  return off("compiler", `none of ${candidates.join(", ")} answers; only the set-up needs it`, "install g++");
}

/** What is installed in the private environment, read from its folders: asking Python for each takes seconds. */
export function pythonPackage(name: string): string | undefined {
  const lib = join(environment(), "lib");
  if (!existsSync(lib)) return undefined;
  for (const python of readdirSync(lib)) {
    const site = join(lib, python, "site-packages");
    const info = existsSync(site) ? readdirSync(site) : [];
    const found = info
      .map((entry) => entry.match(/^(.+)-([^-]+)\.dist-info$/))
      .find((match) => match?.[1] === name);
    if (found) return found[2];
  }
  return undefined;
}

async function python(): Promise<Finding> {
  const program = join(environment(), "bin", "python");
  if (!existsSync(program)) {
    return off(
      "python",
      "no private Python environment; JupyterLab from `npm run lab` needs one",
      "run `npm run lab`",
    );
  }
  const answer = await ask(program, ["--version"]);
  if (answer.well) return ok("python", versionIn(answer.output));
  const reason = `the private environment's Python does not run: ${answer.errors || answer.signal}`;
  return off("python", reason, `delete ${environment()} and ${setUp}`);
}

function inEnvironment(name: string, module: string, fix: string): Finding {
  const version = pythonPackage(module);
  return version ? ok(name, version) : off(name, "not in the private Python environment", fix);
}

export function versions(): (Finding | Promise<Finding>)[] {
  return [
    ok("moelab", moelabVersion()),
    node(),
    tool("npm", "npm"),
    ...packages.map(npmPackage),
    python(),
    inEnvironment("torch (Python)", "torch", `${setUp} without LIBTORCH`),
    inEnvironment("jupyterlab", "jupyterlab", "run `npm run lab`"),
    tool("cmake", "cmake"),
    compiler(),
  ];
}
