import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Browser, hasBrowser, openBrowser, picture } from "./browser.js";
import { NotebookPage, writeNotebook } from "./notebookPage.js";
import { type JupyterLab, startJupyterLab } from "./server.js";

const source = {
  text: 'const greeting: string = "routed";\nconsole.log(greeting, "to", 2, "experts");\ngreeting.length',
  typeError: 'const experts: number = "eight";',
  thrown: 'function route() {\n  throw new Error("no expert left");\n}\nroute();',
  update:
    'display({ "text/plain": "step 1" }, { raw: true, displayId: "progress" });\n' +
    "await new Promise((resolve) => setTimeout(resolve, 500));\n" +
    'display({ "text/plain": "step 2" }, { raw: true, displayId: "progress", update: true });',
  loop: "let turns = 0;\nwhile (true) turns++;",
  after: "greeting.toUpperCase()",
  complete: "greeting.toUp",
  inspect: "greeting",
  documented:
    "/** Sends tokens to experts. */\nfunction routeTokens(tokens: number): number { return tokens % 8; }",
  help: "routeTokens",
  background: `import { existsSync } from "node:fs";
import { progress } from "moelab";
const pause = (time: number) => new Promise((done) => setTimeout(done, time));
const bar = progress(5000, { label: "training" });
void (async () => { while (bar.count < 5000) { await pause(20); bar.update(); } })();`,
  long: `let step = 0;
while (!existsSync("enough")) {
  console.log("step", step++);
  await pause(50);
}`,
  attach: "bar",
  steps: "step",
};
const cellOf = Object.fromEntries(Object.keys(source).map((name, at) => [name, at])) as Record<
  keyof typeof source,
  number
>;

describe.runIf(hasBrowser)("a notebook with the moelab kernel", () => {
  let lab: JupyterLab;
  let browser: Browser;
  let notebook: NotebookPage;

  beforeAll(async () => {
    [lab, browser] = await Promise.all([startJupyterLab(), openBrowser()]);
    writeNotebook(
      lab,
      "session.ipynb",
      Object.values(source).map((text) => ({ source: text })),
    );
    notebook = await NotebookPage.open(browser.page, lab, "session.ipynb");
    await notebook.kernelIs("Idle");
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
  });

  it("shows printed text and the value of the last expression", async () => {
    await notebook.run(cellOf.text);
    await expect
      .poll(() => notebook.outputs(cellOf.text).allTextContents())
      .toEqual([expect.stringMatching(/^routed to 2 experts\s*$/), expect.stringMatching(/^6\s*$/)]);
  });

  it("shows a type error with its line, and runs nothing of the cell", async () => {
    await notebook.run(cellOf.typeError);
    const output = notebook.outputs(cellOf.typeError);
    await expect.poll(() => output.allTextContents()).toHaveLength(1);
    expect(await output.textContent()).toMatch(/Type 'string' is not assignable to type 'number'/);
    expect(await output.textContent()).toMatch(/1:7|line 1/);
  });

  it("shows a thrown error with the line of the cell", async () => {
    await notebook.run(cellOf.thrown);
    const output = notebook.outputs(cellOf.thrown);
    await expect.poll(() => output.allTextContents()).toHaveLength(1);
    expect(await output.textContent()).toMatch(/Error: no expert left[\s\S]*:2:\d+|line 2/);
    await picture(browser.page, "errors");
  });

  it("replaces a display in place", async () => {
    await notebook.start(cellOf.update);
    const output = notebook.outputs(cellOf.update);
    await expect
      .poll(() => output.allTextContents(), { interval: 20 })
      .toEqual([expect.stringMatching(/step 1/)]);
    await expect.poll(() => output.allTextContents()).toEqual([expect.stringMatching(/step 2/)]);
    await notebook.kernelIs("Idle");
  });

  it("completes with Tab", async () => {
    await notebook.enter(cellOf.complete);
    await browser.page.keyboard.press("Tab");
    const entries = browser.page.locator(".jp-Completer-item");
    await entries.first().waitFor();
    await picture(browser.page, "completion");
    const found = await entries.allTextContents();
    expect(found.some((entry) => entry.includes("toUpperCase"))).toBe(true);
    await browser.page.keyboard.press("Escape");
  });

  it("shows a type with Shift+Tab", async () => {
    await notebook.enter(cellOf.inspect);
    await browser.page.keyboard.press("Shift+Tab");
    const tooltip = browser.page.locator(".jp-Tooltip");
    await tooltip.waitFor();
    await picture(browser.page, "inspection");
    expect(await tooltip.textContent()).toMatch(/greeting: string/);
    await browser.page.keyboard.press("Escape");
  });

  it("completes while a cell computes, is interrupted, and keeps its variables", async () => {
    await notebook.start(cellOf.loop);
    await notebook.kernelIs("Busy");
    await notebook.enter(cellOf.complete);
    await browser.page.keyboard.press("Tab");
    await browser.page.locator(".jp-Completer-item").first().waitFor();
    await browser.page.keyboard.press("Escape");

    await notebook.command("notebook:interrupt-kernel");
    await notebook.kernelIs("Idle");
    await expect
      .poll(() => notebook.outputs(cellOf.loop).allTextContents())
      .toEqual([expect.stringMatching(/interrupt/i)]);
    await notebook.run(cellOf.after);
    expect(await notebook.outputs(cellOf.after).allTextContents()).toEqual([expect.stringMatching(/ROUTED/)]);
    await picture(browser.page, "interrupted");
  });

  it("shows types and documentation in the contextual help, which follows the cursor", async () => {
    await notebook.run(cellOf.documented);
    await browser.page.keyboard.press("Control+i");
    const help = browser.page.locator(".jp-Inspector");
    await help.waitFor();
    await notebook.enter(cellOf.help);
    await expect.poll(() => help.textContent()).toMatch(/function routeTokens\(tokens: number\): number/);
    expect(await help.textContent()).toContain("Sends tokens to experts.");
    await picture(browser.page, "contextual-help");
    await notebook.enter(cellOf.inspect);
    await expect.poll(() => help.textContent()).toMatch(/greeting: string/);
  });

  it("goes on while the page is loaded anew, which finds the kernel busy and its work where it is", async () => {
    const text = async (cell: number) => (await notebook.outputs(cell).allTextContents()).join("");
    await notebook.run(cellOf.background);
    await notebook.start(cellOf.long);
    await expect.poll(() => text(cellOf.long)).toContain("step 3");
    await browser.page.keyboard.press("Control+s");
    await browser.page.locator("#jp-main-statusbar", { hasText: "Saving completed" }).waitFor();
    await browser.page.reload();
    await notebook.cells.first().waitFor({ timeout: 60_000 });
    await notebook.kernelIs("Busy");
    // What had been printed is saved; what is printed from now on JupyterLab gives to no cell.
    expect(await text(cellOf.long)).toMatch(/^step 0\nstep 1\n/);
    await notebook.enter(cellOf.complete);
    await browser.page.keyboard.press("Tab");
    await browser.page.locator(".jp-Completer-item").first().waitFor();
    await browser.page.keyboard.press("Escape");

    writeFileSync(join(lab.folder, "enough"), "");
    await notebook.kernelIs("Idle");
    await notebook.run(cellOf.steps);
    expect(Number(await text(cellOf.steps))).toBeGreaterThan(5);
    await notebook.run(cellOf.attach);
    const count = async () => Number(/([\d,]+)\/5,000/.exec(await text(cellOf.attach))?.[1].replace(",", ""));
    const first = await count();
    await expect.poll(count).toBeGreaterThan(first);
    await picture(browser.page, "reloaded");
  });

  it("starts anew after a restart", async () => {
    await notebook.command("notebook:restart-kernel");
    await browser.page.locator(".jp-Dialog .jp-mod-accept").click();
    await browser.page.locator(".jp-Dialog").waitFor({ state: "detached" });
    await notebook.kernelIs("Idle");
    await notebook.run(cellOf.after);
    const output = notebook.outputs(cellOf.after);
    await expect.poll(() => output.allTextContents()).toEqual([expect.stringMatching(/greeting/)]);
    expect(await output.textContent()).toMatch(/Cannot find name|not defined/);
    await notebook.run(cellOf.text);
    await expect
      .poll(() => notebook.outputs(cellOf.text).first().textContent())
      .toMatch(/^routed to 2 experts/);
    await picture(browser.page, "restarted");
  });

  it("answers a subshell console while a cell computes", async () => {
    await notebook.start(cellOf.loop);
    await notebook.kernelIs("Busy");
    await browser.page.keyboard.press("Control+Shift+c");
    await browser.page.keyboard.type("New Subshell Console");
    await browser.page.locator(".lm-CommandPalette-item.lm-mod-active", { hasText: "Subshell" }).waitFor();
    await browser.page.keyboard.press("Enter");
    const shell = browser.page.locator(".jp-CodeConsole");
    // It takes code when it knows the kernel.
    await shell.locator(".jp-CodeConsole-banner", { hasText: "moelab" }).waitFor();
    const ask = async (code: string) => {
      await shell.locator(".jp-CodeConsole-promptCell .cm-content").click();
      await browser.page.keyboard.type(code);
      await browser.page.keyboard.press("Shift+Enter");
    };
    const answers = () => shell.locator(".jp-OutputArea-output").allTextContents();
    await ask("greeting");
    await expect.poll(answers, { timeout: 20_000 }).toEqual([expect.stringMatching(/^'routed'/)]);
    await ask("turns > 0");
    await expect
      .poll(answers, { timeout: 20_000 })
      .toEqual([expect.stringMatching(/^'routed'/), expect.stringMatching(/^true/)]);
    await picture(browser.page, "subshell");
    await notebook.command("notebook:interrupt-kernel");
    await expect
      .poll(() => notebook.outputs(cellOf.loop).allTextContents())
      .toEqual([expect.stringMatching(/interrupt/i)]);
  });
});
