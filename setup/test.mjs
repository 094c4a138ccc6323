// `npm test [vitest arguments]`: sets up, then format and lint, types, generated files, tests. All of them run, whatever
// fails first, and the last line counts.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { main } from "./error.mjs";
import { root, tsc } from "./places.mjs";
import { say } from "./progress.mjs";
import { setUp } from "./setup.mjs";

const results = join(root, "out", "test", "vitest.json");

function node(...args) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return status === 0;
}

const inModules = (...path) => join(root, "node_modules", ...path);

/** What is checked without running anything; each counts as one test. */
function checks() {
  const generators = readdirSync(join(root, "scripts")).filter((name) => /^generate.*\.mjs$/.test(name));
  return [
    {
      title: "format and lint",
      passes: () => node(inModules("@biomejs", "biome", "bin", "biome"), "check", "."),
    },
    { title: "types of sources and tests", passes: () => node(tsc, "-p", "tsconfig.test.json") },
    ...generators.map((name) => ({
      title: `generated files in step (scripts/${name})`,
      passes: () => node(join("scripts", name), "--check"),
    })),
  ];
}

/** Counts from vitest's own record: a file that could not even be loaded is one failure. */
function count(exitedWell) {
  if (!existsSync(results)) return { passed: 0, failed: 1, skipped: 0 };
  const record = JSON.parse(readFileSync(results, "utf8"));
  const unloaded = record.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const counts = {
    passed: record.numPassedTests,
    failed: record.numFailedTests + unloaded,
    skipped: record.numPendingTests + record.numTodoTests,
  };
  // An error outside every test, such as an unhandled rejection, still makes the run a failure.
  if (!exitedWell && counts.failed === 0) counts.failed = 1;
  return counts;
}

await main(async () => {
  await setUp({ for: "test" });
  const broken = [];
  const all = checks();
  for (const { title, passes } of all) {
    say(`\n── ${title}`);
    if (!passes()) broken.push(title);
  }

  say("\n── tests");
  rmSync(results, { force: true });
  const vitest = inModules("vitest", "vitest.mjs");
  const reports = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
  const counts = count(node(vitest, "run", ...reports, ...process.argv.slice(2)));

  for (const title of broken) say(`✗ ${title}`);
  const passed = counts.passed + all.length - broken.length;
  const failed = counts.failed + broken.length;
  console.log(`${passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""}`);
  return failed > 0 ? 1 : 0;
});
