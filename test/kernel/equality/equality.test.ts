import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeFixtures } from "./fixtures.js";
import { asScripts, inCells, underNode } from "./runs.js";
import { readSnippets, type Shown } from "./snippet.js";

/** What a text does is the same in one cell, in several cells, as a script, and, compiled by `tsc`, under Node. */

const snippets = readSnippets().sort((a, b) => Number(a.alone) - Number(b.alone));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "moelab-equality-")));
let cell: Map<string, Shown>;
let cells: Map<string, Shown>;
let script: Map<string, Shown>;
let node: Map<string, Shown>;

beforeAll(async () => {
  const [typescript, javascript] = [join(folder, "typescript"), join(folder, "javascript")];
  for (const each of [typescript, javascript]) mkdirSync(each);
  writeFixtures(typescript, "typescript");
  writeFixtures(javascript, "javascript");
  cell = await inCells(typescript, snippets, false);
  cells = await inCells(
    typescript,
    snippets.filter((snippet) => !snippet.whole),
    true,
  );
  script = await asScripts(typescript, snippets);
  node = await underNode(javascript, snippets);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(snippets)("$name", ({ name, whole, differs, throws }) => {
  const compiled = node.get(name)!;
  expect(compiled.error !== undefined).toBe(throws);
  if (!throws) expect(compiled.stdout).not.toBe("");
  // What is said to differ does.
  if (differs) expect(cell.get(name)).not.toEqual(compiled);
  const expected = differs ? cell.get(name)! : compiled;
  expect({ cell: cell.get(name) }).toEqual({ cell: expected });
  expect({ script: script.get(name) }).toEqual({ script: expected });
  if (!whole) expect({ cells: cells.get(name) }).toEqual({ cells: expected });
});
