import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DisplayData, displaySymbol } from "../../src/host.js";
import { lossCurve } from "../../src/viz/index.js";
import { type Browser, hasBrowser, openBrowser, picture } from "./browser.js";
import { NotebookPage, writeNotebook } from "./notebookPage.js";
import { type JupyterLab, startJupyterLab } from "./server.js";

/** As a headless run stores it: nobody ran a cell of this file in JupyterLab, so JupyterLab does not trust it. */
async function storedOutput() {
  const steps = Array.from({ length: 300 }, (_, step) => step + 1);
  const values = steps.map((step) => 2 + 6 / step);
  const curve = lossCurve({ series: [{ name: "training", steps, values }] });
  const { data, metadata } = (await curve[displaySymbol]()) as DisplayData;
  return { output_type: "display_data", data, metadata: metadata ?? {} };
}

describe.runIf(hasBrowser)("a picture in an executed notebook", () => {
  let lab: JupyterLab;
  let browser: Browser;

  beforeAll(async () => {
    [lab, browser] = await Promise.all([startJupyterLab(), openBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  it("is drawn live from its Vega-Lite specification, not shown as the stored image", async () => {
    const output = await storedOutput();
    expect(Object.keys(output.data).sort()).toEqual([
      "application/vnd.vegalite.v5+json",
      "image/png",
      "text/plain",
    ]);
    writeNotebook(lab, "executed.ipynb", [{ source: "viz.lossCurve(run)", outputs: [output] }]);
    const notebook = await NotebookPage.open(browser.page, lab, "executed.ipynb");

    const canvas = notebook.cells.first().locator(".jp-OutputArea-output canvas").first();
    await canvas.waitFor({ timeout: 30_000 });
    const drawn = await canvas.evaluate((element) => {
      const surface = element as unknown as {
        width: number;
        height: number;
        getContext(kind: "2d"): {
          getImageData(x: number, y: number, w: number, h: number): { data: Uint8ClampedArray };
        };
      };
      const { data } = surface.getContext("2d").getImageData(0, 0, surface.width, surface.height);
      const colours = new Set<number>();
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] > 0) colours.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
      }
      return { width: surface.width, height: surface.height, colours: colours.size };
    });
    await picture(browser.page, "stored-picture");
    expect(drawn.width).toBeGreaterThan(200);
    expect(drawn.height).toBeGreaterThan(100);
    // Axes, text and a line leave many shades; an empty canvas has none.
    expect(drawn.colours).toBeGreaterThan(10);
    expect(await notebook.cells.first().locator("img").count()).toBe(0);
  });
});
