// The npm packages, exactly as package-lock.json names them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CommandFailed, command } from "../command.mjs";
import { diagnose } from "../diagnosis.mjs";
import { SetupError } from "../error.mjs";
import { root } from "../places.mjs";
import { hashOf } from "../stamp.mjs";

/** npm's own record of what it put into node_modules; missing after an interrupted install. */
const record = join(root, "node_modules", ".package-lock.json");

/** Packages with native parts: an install can succeed and leave one that does not load here. */
const loaded = ["zeromq", "@resvg/resvg-js"];

/** True when somebody already installed what the lock file asks for, for instance with `npm ci`. */
function asLocked() {
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const found = JSON.parse(readFileSync(record, "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === "" ||
      (found[path] ? found[path].version === entry.version : entry.optional || entry.devOptional),
  );
}

export const packages = {
  id: "packages",
  title: "npm packages",
  tools: ["node", "npm"],
  hash: () =>
    hashOf({
      files: ["package.json", "package-lock.json"],
      facts: [process.platform, process.arch, process.versions.modules],
    }),
  present: () => existsSync(record),
  async run(progress) {
    if (existsSync(record) && asLocked()) {
      if (!(await broken())) return "already as package-lock.json says";
    }
    try {
      await command("packages", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel", "http"], {
        // Warnings about the user's npm settings and unreviewed install scripts are npm's affair.
        env: { npm_config_update_notifier: "false" },
        onLine: (line) => progress.now(line.replace(/^npm (http|warn|info) /, "")),
      });
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      const why = diagnose(error.output);
      throw new SetupError(
        `npm could not install the packages: ${why?.cause ?? `${error.message}${error.tail()}`}`,
        why?.fix ?? "see npm's output in the log, then run the same command again",
        { log: error.log },
      );
    }
    const fault = await broken();
    if (fault) {
      throw new SetupError(
        `the npm package ${fault.name} does not load: ${fault.reason}`,
        "allow npm to run install scripts (npm config get ignore-scripts should be false), delete node_modules, " +
          "and run the same command again",
      );
    }
    return `${Object.keys(JSON.parse(readFileSync(record, "utf8")).packages).length} packages`;
  },
};

async function broken() {
  for (const name of loaded) {
    try {
      await command("packages-load", process.execPath, ["-e", `require(${JSON.stringify(name)})`]);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      const reason = error.output.match(/^\w*Error: .*$/m)?.[0] ?? error.message;
      return { name, reason };
    }
  }
  return undefined;
}
