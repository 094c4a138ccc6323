import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../setup/places.mjs";
import { type Browser, hasBrowser, openBrowser } from "../jupyterlab/browser.js";
import { NotebookPage } from "../jupyterlab/notebookPage.js";
import { type JupyterLab, startJupyterLab } from "../jupyterlab/server.js";
import { HeadlessNotebook } from "./headlessNotebook.js";

const notebook = new HeadlessNotebook("quickstart");

beforeAll(() => notebook.run(), 600_000);

describe("the quickstart notebook, headless", () => {
  it("runs to its end", () => {
    expect(notebook.status, notebook.log).toBe(0);
  });

  it("trains a model that predicts better than counting does", () => {
    const losses = /unigram ([\d.]+), bigram ([\d.]+), model ([\d.]+)/.exec(notebook.printed("evaluation"));
    const [unigram, bigram, model] = losses!.slice(1).map(Number);
    expect(bigram).toBeLessThan(unigram);
    expect(model).toBeLessThan(bigram);
    expect(model).toBeGreaterThan(1); // less would mean that held-out text was trained on
  });

  it("writes a sample and draws its pictures in every form", () => {
    expect(notebook.printed("sample").length).toBeGreaterThan(200);
    for (const id of ["train", "evaluation", "load", "ribbon"]) {
      expect(notebook.shown(id), id).toEqual(
        expect.arrayContaining(["application/vnd.vegalite.v5+json", "image/png", "text/plain"]),
      );
    }
  });
});

describe.runIf(hasBrowser)("the executed quickstart in JupyterLab", () => {
  let lab: JupyterLab;
  let browser: Browser;

  beforeAll(async () => {
    [lab, browser] = await Promise.all([startJupyterLab(), openBrowser()]);
    copyFileSync(notebook.executed, join(lab.folder, "quickstart.ipynb"));
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  it("shows four live pictures", async () => {
    const { cells } = await NotebookPage.open(browser.page, lab, "quickstart.ipynb");
    const charts = cells.locator(".jp-RenderedVegaCommon5 canvas");
    await expect.poll(() => charts.count(), { timeout: 60_000 }).toBe(4);
    for (let at = 0; at < 4; at++) {
      await charts.nth(at).scrollIntoViewIfNeeded();
      await charts.nth(at).screenshot({ path: join(root, "out", "test", `quickstart-${at}.png`) });
    }
    // The ribbon's slider chooses the layer: the chart that it redraws differs.
    const ribbon = cells.last().locator(".jp-RenderedVegaCommon5");
    const before = await ribbon.locator("canvas").screenshot();
    await ribbon.locator("input[name=layer]").fill("1");
    await expect
      .poll(async () => before.equals(await ribbon.locator("canvas").screenshot()), { timeout: 10_000 })
      .toBe(false);
  });
});
