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

function exampleWith(text: string): string {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
  const [example, ...others] = examples.filter((code) => code.includes(text));
  expect(others).toEqual([]);
  return example;
}

function run(script: string) {
  return spawnSync(process.execPath, [join(root, "dist/kernel/cli.js"), "run", script], {
    cwd: folder,
    encoding: "utf8",
  });
}

it("the README's example runs as it stands, but for its number of steps", () => {
  const example = exampleWith("steps: 500");
  const script = join(folder, "example.ts");
  writeFileSync(script, example.replace("steps: 500", "steps: 4").replace("every: 100", "every: 2"));
  const corpus = readFileSync(join(root, "node_modules/typescript/lib/lib.es5.d.ts"), "utf8");
  writeFileSync(join(folder, "corpus.txt"), corpus);
  const { status, stdout, stderr } = run(script);
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/step 4\/4 .* finished/);
});

it("the README's widgets run as they stand, headless, too", () => {
  const script = join(folder, "widgets.ts");
  writeFileSync(script, exampleWith("widgets.interact"));
  const { status, stdout, stderr } = run(script);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^experts tensor\(\[0, 1\].* with tensor\(\[0\.6095, 0\.2242\]/);
});
