// The private Python environment: libtorch comes in it, and the Jupyter clients. The user's own Python stays untouched.
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandFailed, command } from "../command.mjs";
import { diagnose } from "../diagnosis.mjs";
import { SetupError } from "../error.mjs";
import { environment, python } from "../places.mjs";
import { hashOf } from "../stamp.mjs";

const settings = join(environment, "pyvenv.cfg");
const scope = join(environment, "package.json");

export const venv = {
  id: "python",
  title: "private Python environment",
  tools: ["python", "venv"],
  hash: () => hashOf({ facts: [environment] }),
  present: () => existsSync(python) && existsSync(settings) && existsSync(scope) && !replaced(),
  async run(progress) {
    if (existsSync(environment)) {
      if (await works()) {
        writeScope();
        return "kept";
      }
      progress.now("removing an incomplete one");
      rmSync(environment, { recursive: true, force: true });
    }
    try {
      await command("python", "python3", ["-m", "venv", environment], { onLine: progress.now });
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      rmSync(environment, { recursive: true, force: true });
      const why = diagnose(error.output);
      throw new SetupError(
        `python3 -m venv could not make ${environment}: ${why?.cause ?? `${error.message}${error.tail()}`}`,
        why?.fix ?? "install Python's venv module (on Debian: python3-venv), then run the same command again",
        { log: error.log },
      );
    }
    writeScope();
    return (await command("python", python, ["--version"])).trim();
  },
};

/** The environment's Python is a link to the system's: an upgrade of that puts another version under the packages. */
function replaced() {
  const made = readFileSync(settings, "utf8").match(/^version(?:_info)? = 3\.(\d+)/m)?.[1];
  const found = realpathSync(python).match(/python3\.(\d+)$/)?.[1];
  return made !== undefined && found !== undefined && made !== found;
}

/** JupyterLab brings CommonJS programs for Node, which would take them for modules as this project's own files are. */
function writeScope() {
  writeFileSync(scope, '{ "private": true, "type": "commonjs" }\n');
}

/** An interrupted venv has a Python but no pip yet. */
async function works() {
  try {
    await command("python", python, ["-m", "pip", "--version"]);
    return true;
  } catch (error) {
    if (error instanceof CommandFailed) return false;
    throw error;
  }
}

/** Said while a newer package takes the place of an older one; the long unpacking comes after it. */
const noise = /^(Attempting uninstall|Found existing installation|Uninstalling|Successfully uninstalled)/;

/** pip's own words, without what only pip's authors can read. */
function plain(line) {
  if (line.startsWith("WARNING: Retrying")) return "no answer from the package server, asking again";
  if (line.startsWith("Installing collected packages")) return "unpacking";
  return line.replace(/ from .*$/, "").replace(/^Requirement already satisfied: /, "has ");
}

/** Installs one requirement file and proves it by importing `modules`; the first one's version is reported. */
function requirements(id, title, file, modules) {
  const check = `import ${modules.join(", ")}; print(getattr(${modules[0]}, "__version__", ""))`;
  const imports = () => command(id, python, ["-c", check]);
  return {
    id,
    title,
    tools: ["python"],
    // A new environment is an empty one: its settings file tells them apart.
    hash: () => hashOf({ files: [file], facts: [statSync(settings).ino, statSync(settings).mtimeMs] }),
    present: () => existsSync(python),
    async run(progress) {
      const install = async (...more) => {
        const args = [
          "-m",
          "pip",
          "install",
          "--no-input",
          "--disable-pip-version-check",
          "--progress-bar",
          "off",
        ];
        try {
          await command(id, python, [...args, ...more, "-r", file], {
            // Packages may come from elsewhere than an index that does not answer: waiting for it is capped.
            env: { PIP_RETRIES: process.env.PIP_RETRIES ?? "3" },
            onLine: (line) => noise.test(line) || progress.now(plain(line)),
          });
        } catch (error) {
          if (!(error instanceof CommandFailed)) throw error;
          const why = diagnose(error.output);
          throw new SetupError(
            `pip could not install ${file}: ${why?.cause ?? `${error.message}${error.tail()}`}`,
            why?.fix ?? "see pip's output in the log, then run the same command again",
            { log: error.log },
          );
        }
      };
      await install();
      // pip takes a package that an interruption left half unpacked for installed: only an import tells.
      let answer = await imports().catch(() => undefined);
      if (answer === undefined) {
        progress.now("installed packages do not import; installing them again");
        await install("--force-reinstall");
        answer = await imports().catch((error) => {
          throw new SetupError(
            `${modules.join(", ")} cannot be imported from the private Python environment:${error.tail(4)}`,
            `delete ${environment} and run the same command again`,
            { log: error.log },
          );
        });
      }
      return answer.trim().split("\n").at(-1);
    },
  };
}

export const torch = requirements("torch", "torch (libtorch)", "setup/requirements.txt", ["torch", "numpy"]);
export const notebook = requirements("notebook", "JupyterLab", "setup/requirements-notebook.txt", [
  "jupyterlab",
  "jupyterlab_widgets",
  "nbclient",
]);
export const testing = requirements(
  "testing",
  "Python baselines and Jupyter clients",
  "setup/requirements-test.txt",
  [
    "jupyter_client",
    "nbclient",
    "nbformat",
    "nbconvert",
    "jupyter_console",
    "ipykernel",
    "pyarrow",
    "safetensors",
    "transformers",
  ],
);
