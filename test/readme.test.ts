import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { root } from "../setup/places.mjs";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "moelab-readme-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("the README's example runs as it stands, but for its number of steps", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readme)!;
  expect(example).toContain("steps: 500");
  const script = join(folder, "example.ts");
  writeFileSync(script, example.replace("steps: 500", "steps: 4").replace("every: 100", "every: 2"));
  const corpus = readFileSync(join(root, "node_modules/typescript/lib/lib.es5.d.ts"), "utf8");
  writeFileSync(join(folder, "corpus.txt"), corpus);
  const run = spawnSync(process.execPath, [join(root, "dist/kernel/cli.js"), "run", script], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(run.status, run.stdout + run.stderr).toBe(0);
  expect(run.stdout).toMatch(/step 4\/4 .* finished/);
});
