import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../setup/places.mjs";
import { type Browser, hasBrowser, openBrowser } from "../jupyterlab/browser.js";
import { NotebookPage } from "../jupyterlab/notebookPage.js";
import { type JupyterLab, startJupyterLab } from "../jupyterlab/server.js";

const folder = join(root, "notebooks");
const names = readdirSync(folder).filter((name) => name.endsWith(".ipynb"));

it.each(names)("%s is stored without outputs, for the kernel of moelab", (name) => {
  const { cells, metadata } = JSON.parse(readFileSync(join(folder, name), "utf8"));
  expect(metadata.kernelspec.name).toBe("moelab");
  for (const cell of cells) {
    expect(cell.outputs ?? []).toEqual([]);
    expect(cell.execution_count ?? null).toBeNull();
  }
});

describe.runIf(hasBrowser)("in JupyterLab", () => {
  let lab: JupyterLab;
  let browser: Browser;

  beforeAll(async () => {
    [lab, browser] = await Promise.all([startJupyterLab(), openBrowser()]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  it.each(names)("%s opens with its heading and its cells", async (name) => {
    copyFileSync(join(folder, name), join(lab.folder, name));
    const page = await NotebookPage.open(browser.page, lab, name);
    const { cells } = JSON.parse(readFileSync(join(folder, name), "utf8"));
    const heading = cells[0].source[0].replace(/^# /, "").trim();
    await expect
      .poll(() => page.cells.first().locator("h1").innerText(), { timeout: 30_000 })
      .toContain(heading);
    await expect.poll(() => page.cells.count(), { timeout: 30_000 }).toBe(cells.length);
  });
});
