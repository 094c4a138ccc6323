// Everything a fresh machine needs before moelab runs, in order. Each step runs only when what it depends on changed.
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { main, SetupError } from "./error.mjs";
import { lock } from "./lock.mjs";
import { follow, say, seconds } from "./progress.mjs";
import { isStamped, stamp, unstamp } from "./stamp.mjs";
import { addon } from "./steps/addon.mjs";
import { chromium } from "./steps/browser.mjs";
import { compilerImage } from "./steps/compilerImage.mjs";
import { kernelspec } from "./steps/kernelspec.mjs";
import { libtorch } from "./steps/libtorch.mjs";
import { packages } from "./steps/packages.mjs";
import { notebook, testing, torch, venv } from "./steps/python.mjs";
import { requireTools } from "./steps/tools.mjs";
import { typescript } from "./steps/typescript.mjs";

/** With a libtorch of the user's own, running needs no Python; it is looked at first, before any download. */
const given = Boolean(process.env.LIBTORCH);
const engine = ({ python }) =>
  given
    ? [libtorch, packages, ...python, addon, typescript, compilerImage]
    : [packages, ...python, libtorch, addon, typescript, compilerImage];

/** Tests and benchmarks compare with Python's torch and pyarrow, so they want those beside any libtorch. */
const compared = [venv, torch, testing];

const purposes = {
  run: engine({ python: given ? [] : [venv, torch] }),
  bench: engine({ python: compared }),
  lab: [...engine({ python: given ? [venv, notebook] : [venv, torch, notebook] }), kernelspec],
  test: [...engine({ python: [...compared, notebook] }), kernelspec, chromium],
};

function upToDate(step) {
  const hash = hashBefore(step);
  return hash !== undefined && step.present() && isStamped(step.id, hash);
}

function hashBefore(step) {
  try {
    return step.hash();
  } catch {
    // What it depends on is not there yet; the step's own run says why, should that stay so.
    return undefined;
  }
}

/** Brings the project to where `purpose` ("run", "test", "lab", "bench") can work. Throws SetupError. */
export async function setUp({ for: purpose }) {
  const steps = purposes[purpose];
  if (!steps) {
    throw new SetupError(
      `there is no set-up for "${purpose}"`,
      `choose one of ${Object.keys(purposes).join(", ")}`,
    );
  }
  const started = performance.now();
  const took = () => seconds(performance.now() - started);
  if (steps.every(upToDate)) {
    say(`set-up: everything is up to date (${took()})`);
    return;
  }
  const unlock = await lock();
  try {
    // Asked again: another set-up may have done it all while this one waited.
    const first = steps.findIndex((step) => !upToDate(step));
    const open = first < 0 ? [] : steps.slice(first);
    if (open.length > 0) {
      say(`set-up for "${purpose}"`);
      await requireTools(open.flatMap((step) => step.tools));
    }
    for (const step of open) {
      if (upToDate(step)) continue;
      const progress = follow(step.title);
      unstamp(step.id);
      try {
        // Hashed before: what changes while the step runs makes it run again next time.
        const hash = hashBefore(step);
        const summary = await step.run(progress);
        if (hash) stamp(step.id, hash);
        progress.done(summary);
      } catch (error) {
        progress.failed();
        throw error;
      }
    }
    say(`set-up: done (${took()})`);
  } finally {
    unlock();
  }
}

/** What `setUp` would do now, without doing it. */
function report(purpose) {
  const steps = purposes[purpose] ?? [];
  for (const step of steps) say(`  ${upToDate(step) ? "✓ up to date" : "… to be run "}  ${step.title}`);
  return steps.every(upToDate) ? 0 : 1;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf("--for");
  const purpose = at < 0 ? "run" : process.argv[at + 1];
  await main(() => (process.argv.includes("--check") ? report(purpose) : setUp({ for: purpose })));
}
