import { symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../setup/places.mjs";
import { type Browser, hasBrowser, openBrowser } from "./browser.js";
import { NotebookPage, writeNotebook } from "./notebookPage.js";
import { type JupyterLab, startJupyterLab } from "./server.js";

const values = {
  arrow: `import { tableFromArrays } from "apache-arrow";
const rows = 1000;
tableFromArrays({
  expert: Int32Array.from({ length: rows }, (_, row) => row % 8),
  share: Float32Array.from({ length: rows }, (_, row) => row / 7),
  token: Array.from({ length: rows }, (_, row) => (row % 5 === 3 ? null : "tok|en_*" + row + "* <b> $1 and $2")),
  choices: Array.from({ length: rows }, (_, row) => [row % 8, (row + 3) % 8]),
})`,
  rows: 'display.table([{ gate: "switch", loss: 2.25, k: 1 }, { gate: "gshard", loss: 2.125, k: 2, capacity: 1.25 }])',
  chart: `({
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  title: "load of experts", width: 300, height: 120, mark: "bar",
  data: { values: [4, 7, 2, 9].map((load, expert) => ({ expert, load })) },
  encoding: { x: { field: "expert", type: "ordinal" }, y: { field: "load", type: "quantitative" } },
})`,
  svg: `({
  outerHTML: '<svg width="160" height="60"><rect width="160" height="60" rx="8" fill="#356"/>' +
    '<text x="80" y="36" fill="white" text-anchor="middle" font-size="18">figure</text></svg>',
})`,
  image: `import { Resvg } from "@resvg/resvg-js";
const circle = '<circle cx="20" cy="20" r="18" fill="teal"/>';
new Resvg('<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40">' + circle + "</svg>").render().asPng()`,
  markup: String.raw`display.html('<b>bold</b> <progress value="3" max="4"></progress>');
display.markdown("A *gate* $g_i = \\mathrm{softmax}(z)_i$ and a list\n\n- one\n- two");
display.latex("$$\\mathcal{L}_{aux} = E \\sum_{i=1}^{E} f_i P_i$$");`,
  json: 'display.json({ experts: 8, gate: { topK: 2, names: ["a", "b"] } }, { expanded: true });',
  text: `class Expert {
  load = new Map([["tokens", 42]]);
  weights = new Float32Array(500);
  route = (x: number) => x;
}
[new Expert(), new Error("kept as a value", { cause: new TypeError("inner") })]`,
  long: "Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => ['k' + at, at]))",
};
const faults = {
  thrown: `interface Gate { experts: number }
function choose(gate: Gate): never {
  const reason = "no expert is free";
  throw new RangeError(reason, { cause: new TypeError("no capacity") });
}
[{ experts: 8 }].forEach((gate) => {
  choose(gate);
});`,
  library: 'import { torch } from "moelab";\ntorch.ones([2, 3]).matmul(torch.ones([2, 3]));',
  types: 'const experts: number = "eight";\nconst gate: string = 2;\nexperts.toUpper();',
  late: 'setTimeout(() => { throw new Error("later"); }, 10);\nawait new Promise((resolve) => setTimeout(resolve, 100));',
};
const progress = {
  import: `import { progress } from "moelab";
const sleep = (time: number) => new Promise((done) => setTimeout(done, time));`,
  nested: `for (const epoch of progress(3, { label: "epochs" })) {
  for (const batch of progress(20, { label: "train", unit: "batches" })) await sleep(10);
}`,
  left: 'for (const token of progress(5, { label: "tokens" })) if (token === 3) break;',
  carriage: String.raw`for (let step = 0; step <= 100; step += 10) {
  process.stdout.write("\r" + "#".repeat(step / 10).padEnd(10, ".") + " " + step + "%");
  await sleep(20);
}`,
  colours: String.raw`console.log("\x1b[32mgreen\x1b[0m and \x1b[1mbold\x1b[0m");
console.error("to stderr");`,
};

const indexOf = <Name extends string>(sources: Record<Name, string>) =>
  Object.fromEntries(Object.keys(sources).map((name, at) => [name, at])) as Record<Name, number>;

describe.runIf(hasBrowser)("output in JupyterLab", () => {
  let lab: JupyterLab;
  let browser: Browser;
  let notebook: NotebookPage;

  /** Opens a notebook of these cells and runs them all. */
  async function runAll(name: string, sources: Record<string, string>): Promise<void> {
    const cells = Object.values(sources).map((source) => ({ source }));
    writeNotebook(lab, `${name}.ipynb`, cells);
    notebook = await NotebookPage.open(browser.page, lab, `${name}.ipynb`);
    await notebook.kernelIs("Idle");
    for (const cell of cells.keys()) await notebook.run(cell);
  }

  const output = (cell: number): Locator => notebook.outputs(cell);
  const text = async (cell: number) => (await output(cell).allTextContents()).join("\n");

  beforeAll(async () => {
    [lab, browser] = await Promise.all([startJupyterLab(), openBrowser()]);
    symlinkSync(join(root, "node_modules"), join(lab.folder, "node_modules"));
    // Tall enough for all cells of a notebook to be seen at once.
    await browser.page.setViewportSize({ width: 1100, height: 2600 });
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  it("tables, charts, pictures, markup and text are what they are", async () => {
    await runAll("values", values);
    const cell = indexOf(values);

    const table = output(cell.arrow).locator("table");
    expect(await table.locator("th").allTextContents()).toEqual([
      "",
      "expertint32",
      "sharefloat32",
      "tokendictionary<int32, utf8>",
      "choiceslist<float64>",
    ]);
    expect(await table.locator("tbody tr").count()).toBe(21);
    expect(await table.locator("tbody tr").nth(1).locator("td").allTextContents()).toEqual([
      "1",
      "1",
      "0.1428571",
      "tok|en_*1* <b> $1 and $2",
      "[ 1, 4 ]",
    ]);
    const sides = await table
      .locator("tbody tr:first-child td")
      .evaluateAll((cells) => cells.map((each) => (each as any).align));
    expect(sides).toEqual(["right", "right", "right", "left", "left"]);
    expect(await output(cell.arrow).locator("mjx-container, .MathJax").count()).toBe(0);
    expect(await text(cell.arrow)).toContain("1,000 rows × 4 columns, 980 rows not shown");
    expect(await output(cell.rows).locator("tbody td").allTextContents()).toEqual(
      ["0", "switch", "2.25", "1", "null", "1", "gshard", "2.125", "2", "1.25"], // biome-ignore format: two rows
    );

    await output(cell.chart).locator("canvas, svg.marks").first().waitFor();
    const sizeOf = (image: Locator) =>
      image.evaluate(({ naturalWidth, width }: any) => [naturalWidth, width]);
    expect(await sizeOf(output(cell.svg).locator("img"))).toEqual([160, 160]);
    expect(await sizeOf(output(cell.image).locator("img"))).toEqual([120, 120]);
    expect(await output(cell.markup).locator("progress").count()).toBe(1);
    expect(await output(cell.markup).locator("li").allTextContents()).toEqual(["one", "two"]);
    await output(cell.markup).locator("mjx-container").nth(1).waitFor();
    expect(await text(cell.json)).toMatch(/experts\s*8[\s\S]*topK\s*2/);
    expect(await text(cell.text)).toMatch(
      /Expert \{\s+load: Map\(1\)[\s\S]*Error: kept as a value\s+at cell-8:6:16/,
    );
    expect(await text(cell.long)).toMatch(/… 99,960 more properties\s*$/);
    await notebook.picture("values-tables", 0, cell.svg);
    await notebook.picture("values-markup", cell.svg, cell.text);
    await notebook.picture("values-text", cell.text);
  });

  it("tracebacks mark the lines of cells, and type errors list every fault", async () => {
    await runAll("faults", faults);
    const cell = indexOf(faults);
    const thrown = await text(cell.thrown);
    expect(thrown).toMatch(/^RangeError: no expert is free\n {4}at choose \(cell-1:4:9\)\n {8}2 \|/);
    expect(thrown).toMatch(/> 7 \| {3}choose\(gate\);\n {10}\| {3}\^/);
    expect(thrown).toMatch(/\[cause\]: TypeError: no capacity\n.*\n[\s\S]*… 3 frames, as above\s*$/);
    expect(await output(cell.thrown).locator(".ansi-red-fg").first().textContent()).toBe(
      "RangeError: no expert is free",
    );
    expect(await output(cell.thrown).locator(".ansi-bold").first().textContent()).toBe(
      "at choose (cell-1:4:9)",
    );
    expect(await text(cell.library)).toMatch(/frames of moelab[\s\S]*at cell-2:2:20/);
    expect((await text(cell.types)).match(/error TS\d+/g)).toHaveLength(3);
    expect(await text(cell.late)).toMatch(/^Uncaught: Error: later\n {4}at cell-4:1:26/);
    await notebook.picture("faults");
  });

  it("progress stands still at its last state, and text is written over itself", async () => {
    await runAll("progress", progress);
    const cell = indexOf(progress);
    const bars = output(cell.nested).locator("progress");
    expect(await bars.evaluateAll((each: any[]) => each.map(({ value, max }) => value / max))).toEqual([
      1, 1,
    ]);
    expect(await text(cell.nested)).toMatch(/epochs.*3\/3.*train.*20\/20 batches/);
    expect(await text(cell.left)).toMatch(/60%.*3\/5.*stopped/);
    expect((await text(cell.carriage)).trim()).toBe("########## 100%");
    expect(await output(cell.colours).locator(".ansi-green-fg").textContent()).toBe("green");
    await notebook.picture("progress");
  });
});
