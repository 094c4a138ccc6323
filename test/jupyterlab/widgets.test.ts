import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, hasBrowser, openBrowser, picture } from "./browser.js";
import { NotebookPage, writeNotebook } from "./notebookPage.js";
import { type JupyterLab, startJupyterLab } from "./server.js";

const source = {
  slider:
    'import { widgets } from "moelab";\n' +
    'const slider = new widgets.IntSlider({ description: "top-k", min: 1, max: 8, value: 2 });\n' +
    'const label = new widgets.Label({ value: "2 experts" });\n' +
    'slider.on("value", (k) => { label.value = k + " experts"; });\n' +
    "new widgets.VBox([slider, label])",
  value: "slider.value",
  button:
    'const button = new widgets.Button({ description: "Step", buttonStyle: "primary" });\n' +
    "let clicks = 0;\n" +
    'button.onClick(() => console.log("click", ++clicks));\n' +
    "button",
  chosen: "kinds.slice(0, 5).map((kind) => kind.get('value'))",
  progress:
    'const bar = new widgets.IntProgress({ max: 3, description: "epoch", layout: { width: "300px" } });\n' +
    "display(bar);\n" +
    "for (let step = 1; step <= 3; step++) {\n  await button.clicked();\n  bar.value = step;\n}\n" +
    '"trained"',
  interact:
    "widgets.interact(\n" +
    "  ({ gate, dropTokens }) => { console.log(gate, dropTokens ? 'drops' : 'keeps'); },\n" +
    '  { gate: ["softmax", "sigmoid"], dropTokens: false },\n)',
  kinds:
    'const description = "d";\n' +
    "const kinds: widgets.Widget[] = [\n" +
    "  new widgets.FloatSlider({ description, value: 2.5, style: { handleColor: 'orange' } }),\n" +
    "  new widgets.IntRangeSlider({ description, value: [20, 60] }),\n" +
    "  new widgets.RadioButtons({ description, options: { one: 1, two: 2 }, value: 2 }),\n" +
    "  new widgets.ToggleButton({ description, value: true, icon: 'check' }),\n" +
    "  new widgets.Text({ description, placeholder: 'one line' }),\n" +
    "  new widgets.Textarea({ description, value: 'two\\nlines', rows: 2 }),\n" +
    "  new widgets.FloatProgress({ description, value: 0.6, barStyle: 'success' }),\n" +
    "  new widgets.HTML({ value: '<b>bold</b>' }),\n" +
    "  new widgets.HBox([new widgets.Label({ value: 'left' }), new widgets.Label({ value: 'right' })]),\n" +
    "];\n" +
    "new widgets.VBox(kinds, { layout: { border: '1px solid gray', padding: '4px' } })",
};
const cellOf = Object.fromEntries(Object.keys(source).map((name, at) => [name, at])) as Record<
  keyof typeof source,
  number
>;

describe.runIf(hasBrowser)("widgets in JupyterLab", () => {
  let lab: JupyterLab;
  let browser: Browser;
  let notebook: NotebookPage;

  const text = (cell: number, selector: string) => notebook.cells.nth(cell).locator(selector);
  const printed = (cell: number) => text(cell, ".jp-OutputArea-output[data-mime-type$='stdout']");
  const step = () => text(cellOf.button, "button.jupyter-button").click();
  const moveSlider = async (key: string) => {
    await text(cellOf.slider, ".noUi-handle").focus();
    await browser.page.keyboard.press(key);
  };

  beforeAll(async () => {
    [lab, browser] = await Promise.all([startJupyterLab(), openBrowser()]);
    writeNotebook(
      lab,
      "widgets.ipynb",
      Object.values(source).map((code) => ({ source: code })),
    );
    notebook = await NotebookPage.open(browser.page, lab, "widgets.ipynb");
    await notebook.kernelIs("Idle");
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  it("a slider that is moved changes the value in the notebook, and what listens to it", async () => {
    await notebook.run(cellOf.slider);
    await text(cellOf.slider, ".noUi-handle").waitFor();
    await moveSlider("ArrowRight");
    await moveSlider("ArrowRight");
    await expect.poll(() => text(cellOf.slider, ".widget-readout").textContent()).toBe("4");
    await expect.poll(() => text(cellOf.slider, ".widget-label").allTextContents()).toContain("4 experts");
    await notebook.run(cellOf.value);
    await expect.poll(() => notebook.outputs(cellOf.value).allTextContents()).toEqual(["4"]);
  });

  it("a click prints in the button's cell, also while another cell awaits clicks and its bar advances", async () => {
    await notebook.run(cellOf.button);
    await step();
    await expect.poll(() => printed(cellOf.button).allTextContents()).toEqual(["click 1\n"]);

    await notebook.start(cellOf.progress);
    const bar = text(cellOf.progress, ".progress-bar");
    await bar.waitFor({ state: "attached" });
    const width = () =>
      bar.evaluate((element) => (element as unknown as { style: { width: string } }).style.width);
    await step();
    await expect.poll(width).toMatch(/^33/);
    await step();
    await expect.poll(width).toMatch(/^66/);
    await picture(browser.page, "widgets-while-a-cell-awaits");
    expect(await text(cellOf.progress, ".jp-InputPrompt").textContent()).toBe("[*]:");
    await step();
    await expect.poll(() => notebook.outputs(cellOf.progress).last().textContent()).toMatch(/trained/);
    await expect.poll(width).toBe("100%");
    expect(await printed(cellOf.button).allTextContents()).toEqual(["click 1\nclick 2\nclick 3\nclick 4\n"]);
  });

  it("interact shows what the function prints for the values that are chosen", async () => {
    await notebook.run(cellOf.interact);
    const shown = () =>
      text(cellOf.interact, ".jupyter-widgets-output-area, .jp-OutputArea-output pre").allTextContents();
    await expect.poll(async () => (await shown()).join("")).toContain("softmax keeps");
    await text(cellOf.interact, "select").selectOption("sigmoid");
    await text(cellOf.interact, "input[type=checkbox]").click();
    await expect.poll(async () => (await shown()).join("")).toContain("sigmoid drops");
    await text(cellOf.interact, "select").scrollIntoViewIfNeeded();
    await picture(browser.page, "widgets");
  });

  it("every kind is drawn, and tells what is chosen", async () => {
    await notebook.run(cellOf.kinds);
    const kinds = text(cellOf.kinds, ".jp-OutputArea-output .widget-vbox").first();
    await kinds.waitFor();
    const drawn = await kinds
      .locator(":scope > *")
      .evaluateAll((all) => all.map((each: any) => each.className));
    const classes = ["slider", "slider", "radio", "toggle", "text", "textarea", "hprogress", "html", "hbox"];
    expect(drawn).toEqual(classes.map((name) => expect.stringContaining(name)));
    await kinds.locator("input[type=radio]").first().click();
    await kinds.locator(".jupyter-widgets.widget-text input").fill("typed");
    await notebook.cells.nth(cellOf.kinds).scrollIntoViewIfNeeded();
    await picture(browser.page, "widgets-kinds");
    await notebook.run(cellOf.chosen);
    await expect
      .poll(() => notebook.outputs(cellOf.chosen).allTextContents())
      .toEqual(["[ 2.5, [ 20, 60 ], 1, true, 'typed' ]"]);
  });

  it("a page that is loaded anew finds its widgets, and they work", async () => {
    await notebook.enter(cellOf.value);
    await browser.page.keyboard.press("Control+s");
    await expect.poll(() => readFileSync(join(lab.folder, "widgets.ipynb"), "utf8")).toContain("'typed'");
    notebook = await NotebookPage.open(browser.page, lab, "widgets.ipynb");
    await text(cellOf.slider, ".noUi-handle").waitFor();
    await expect.poll(() => text(cellOf.slider, ".widget-readout").textContent()).toBe("4");
    await moveSlider("ArrowRight");
    await expect.poll(() => text(cellOf.slider, ".widget-label").allTextContents()).toContain("5 experts");
    await text(cellOf.interact, "select").selectOption("softmax");
    await expect
      .poll(() => text(cellOf.interact, ".jp-OutputArea-output pre").allTextContents())
      .toContain("softmax drops\n");
    await picture(browser.page, "widgets-after-reload");
  });

  it("where nothing draws widgets, a saved notebook shows their text", async () => {
    const settings = join(lab.folder, "..", "config", "labconfig");
    mkdirSync(settings, { recursive: true });
    const disabledExtensions = { "@jupyter-widgets/jupyterlab-manager": true };
    writeFileSync(join(settings, "page_config.json"), JSON.stringify({ disabledExtensions }));
    notebook = await NotebookPage.open(browser.page, lab, "widgets.ipynb");
    await expect
      .poll(() => notebook.outputs(cellOf.slider).allTextContents())
      .toEqual([expect.stringMatching(/top-k: 2 \(1 to 8\)\n2 experts/)]);
    expect(await text(cellOf.progress, "label").textContent()).toMatch(/^epoch:\s+0%/);
    expect(await text(cellOf.progress, "progress").count()).toBe(1);
    await picture(browser.page, "widgets-as-text");
  });
});
