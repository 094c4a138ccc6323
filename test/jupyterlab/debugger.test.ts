import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, hasBrowser, openBrowser, picture } from "./browser.js";
import { NotebookPage, writeNotebook } from "./notebookPage.js";
import { type JupyterLab, startJupyterLab } from "./server.js";

const source = {
  gate: "interface Choice {\n  expert: number;\n}\nfunction choose(scores: number[]): Choice {\n  const expert = scores.indexOf(Math.max(...scores));\n  return { expert };\n}",
  route:
    'import { torch } from "moelab";\ntype Scores = number[];\nconst weights = torch.ones([4, 2]);\nlet chosen: number = -1;\nchosen = choose([0.1, 0.7, 0.2]).expert;\nchosen + 10',
  after: "chosen",
};
/** The machine may be busy with other things. */
const patiently = <T>(look: () => T) => expect.poll(look, { timeout: 20_000 });

const cellOf = { gate: 0, route: 1, after: 2 };

describe.runIf(hasBrowser)("the debugger of JupyterLab", () => {
  let lab: JupyterLab;
  let browser: Browser;
  let notebook: NotebookPage;
  let panel: Locator;

  beforeAll(async () => {
    [lab, browser] = await Promise.all([startJupyterLab(), openBrowser()]);
    writeNotebook(
      lab,
      "debugger.ipynb",
      Object.values(source).map((text) => ({ source: text })),
    );
    notebook = await NotebookPage.open(browser.page, lab, "debugger.ipynb");
    await notebook.kernelIs("Idle");
    panel = browser.page.locator("#jp-debugger-sidebar");
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  /** Clicks left of a line's number, where breakpoints are. */
  async function toggleBreakpoint(cell: number, line: number): Promise<void> {
    const gutter = notebook.cells.nth(cell).locator(".cm-gutter.cm-breakpoint-gutter");
    const box = (await gutter.boundingBox())!;
    const text = (await notebook.cells
      .nth(cell)
      .locator(".cm-line")
      .nth(line - 1)
      .boundingBox())!;
    await browser.page.mouse.click(box.x + box.width / 2, text.y + text.height / 2);
  }

  const step = (name: string) => panel.locator(`[data-command="debugger:${name}"]`).click();
  const frames = () => panel.locator(".jp-DebuggerCallstackFrame").allTextContents();
  const highlighted = (cell: number) =>
    notebook.cells.nth(cell).locator(".jp-DebuggerEditor-highlight").allTextContents();
  /** Name → what is shown for it. */
  async function variables(): Promise<Record<string, string | null>> {
    const items = panel.locator(".jp-DebuggerVariables-body .jp-TreeItem");
    const shown: Record<string, string | null> = {};
    for (const item of await items.all()) {
      const name = await item.locator(".jp-DebuggerVariables-name").first().textContent();
      shown[name ?? ""] = await item.locator(".jp-DebuggerVariables-detail").first().textContent();
    }
    return shown;
  }

  it("is switched on, and takes a breakpoint", async () => {
    await notebook.run(cellOf.gate);
    await browser.page.locator(".jp-DebuggerBugButton").first().click();
    await notebook.cells.nth(cellOf.route).locator(".cm-gutter.cm-breakpoint-gutter").waitFor();
    await toggleBreakpoint(cellOf.route, 5);
    const marks = panel.locator(".jp-DebuggerBreakpoint");
    await patiently(() => marks.allTextContents()).toEqual([expect.stringContaining("5")]);
    await picture(browser.page, "debugger-breakpoint");
  });

  it("stops there and shows the line, the call stack and the variables", async () => {
    await notebook.start(cellOf.route);
    await patiently(() => highlighted(cellOf.route)).toEqual([expect.stringContaining("chosen = choose")]);
    await patiently(variables).toMatchObject({
      weights: "Tensor [4, 2] float32 cpu",
      chosen: "-1",
      choose: "function",
    });
    expect(await frames()).toEqual([expect.stringMatching(/cell-\d+.*:5$/)]);
    await picture(browser.page, "debugger-stopped");
  });

  it("steps into a function of an earlier cell, opens a value and steps out", async () => {
    await step("stepIn");
    await patiently(() => highlighted(cellOf.gate)).toEqual([expect.stringContaining("const expert =")]);
    await patiently(variables).toMatchObject({ scores: "Array(3)" });
    expect(await frames()).toEqual([
      expect.stringMatching(/^choose.*:5$/),
      expect.stringMatching(/^cell-\d+.*:5$/),
    ]);
    await panel.locator(".jp-TreeItem", { hasText: "scores" }).first().click();
    await patiently(variables).toMatchObject({ 0: "0.1", 1: "0.7", 2: "0.2" });
    await picture(browser.page, "debugger-function");
    await step("next");
    await patiently(() => highlighted(cellOf.gate)).toEqual([expect.stringContaining("return { expert }")]);
    await patiently(variables).toMatchObject({ expert: "1" });
    await step("stepOut");
    await patiently(() => highlighted(cellOf.route)).toEqual([expect.stringContaining("chosen")]);
  });

  it("evaluates TypeScript in the frame", async () => {
    await step("evaluate");
    const console = browser.page.locator(".jp-DebugConsole");
    const code = "(weights.shape as number[])[0] + 38";
    const input = console.locator(".jp-CodeConsole-input .cm-content");
    // The console takes what is entered only once its editor has the focus.
    await patiently(async () => {
      await input.click();
      return await console.locator(".jp-CodeConsole-input .cm-focused").count();
    }).toBe(1);
    await browser.page.keyboard.insertText(code);
    await patiently(() => input.textContent()).toBe(code);
    await browser.page.keyboard.press("Shift+Enter");
    await patiently(() => console.locator(".jp-OutputArea-output").allTextContents()).toEqual([
      expect.stringMatching(/^42\s*$/),
    ]);
    // The panel shows the frame anew after it.
    await patiently(variables).toMatchObject({ chosen: "1" });
    await picture(browser.page, "debugger-evaluated");
    await step("evaluate");
    await console.waitFor({ state: "detached" });
    await notebook.enter(cellOf.after);
  });

  it("goes on to the end, and lists variables between cells", async () => {
    await step("continue");
    await patiently(() => notebook.outputs(cellOf.route).allTextContents()).toEqual([
      expect.stringMatching(/^11\s*$/),
    ]);
    await notebook.kernelIs("Idle");
    expect(await highlighted(cellOf.route)).toEqual([]);
    await notebook.run(cellOf.after);
    await patiently(variables).toMatchObject({ chosen: "1", weights: "Tensor [4, 2] float32 cpu" });
    await picture(browser.page, "debugger-variables");
  });

  it("is interrupted where it stands, and stands in no one's way after a restart", async () => {
    await notebook.start(cellOf.route);
    await patiently(() => highlighted(cellOf.route)).toEqual([expect.stringContaining("chosen = choose")]);
    await notebook.command("notebook:interrupt-kernel");
    await notebook.kernelIs("Idle");
    await patiently(() => notebook.outputs(cellOf.route).allTextContents()).toEqual([
      expect.stringMatching(/interrupt/i),
    ]);
    await notebook.start(cellOf.route);
    await patiently(() => highlighted(cellOf.route)).toHaveLength(1);
    await notebook.command("notebook:restart-kernel");
    await browser.page.locator(".jp-Dialog .jp-mod-accept").click();
    await browser.page.locator(".jp-Dialog").waitFor({ state: "detached" });
    await notebook.kernelIs("Idle");
    await notebook.run(cellOf.after);
    await patiently(() => notebook.outputs(cellOf.after).allTextContents()).toEqual([
      expect.stringMatching(/Cannot find name 'chosen'/),
    ]);
    await picture(browser.page, "debugger-restarted");
  });
});
