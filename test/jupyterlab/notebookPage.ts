import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Locator, Page } from "playwright-core";
import { picture } from "./browser.js";
import type { JupyterLab } from "./server.js";

/** Writes a notebook of code cells, each with the outputs it was saved with. */
export function writeNotebook(
  lab: JupyterLab,
  file: string,
  cells: { source: string; outputs?: unknown[] }[],
  kernel = { name: "moelab", display_name: "TypeScript (moelab)", language: "typescript" },
): void {
  const notebook = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: kernel, language_info: { name: "typescript" } },
    cells: cells.map(({ source, outputs = [] }, at) => ({
      cell_type: "code",
      id: `cell-${at}`,
      metadata: {},
      execution_count: outputs.length > 0 ? at + 1 : null,
      source,
      outputs,
    })),
  };
  writeFileSync(join(lab.folder, file), JSON.stringify(notebook));
}

/** A notebook in JupyterLab, used as a person does: by what is on the page and by keys. */
export class NotebookPage {
  constructor(readonly page: Page) {}

  static async open(page: Page, lab: JupyterLab, file: string): Promise<NotebookPage> {
    await page.goto(lab.address(file));
    const notebook = new NotebookPage(page);
    await notebook.cells.first().waitFor({ timeout: 60_000 });
    return notebook;
  }

  get cells(): Locator {
    return this.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell");
  }

  outputs(cell: number): Locator {
    return this.cells.nth(cell).locator(".jp-OutputArea-output");
  }

  /** As the status bar says it, which knows a starting kernel from an idle one. */
  async kernelIs(status: "Idle" | "Busy"): Promise<void> {
    const state = this.page.locator("#jp-main-statusbar", { hasText: `| ${status}` });
    await state.waitFor({ timeout: 60_000 });
  }

  /** Puts the cursor at the end of a cell's text. */
  async enter(cell: number): Promise<void> {
    await this.cells.nth(cell).locator(".cm-content").click();
    await this.page.keyboard.press("Control+End");
  }

  /** Starts a cell and does not wait. */
  async start(cell: number): Promise<void> {
    await this.enter(cell);
    await this.page.keyboard.press("Control+Enter");
  }

  /** Runs a cell until a new number stands in its margin. */
  async run(cell: number): Promise<void> {
    const prompt = this.cells.nth(cell).locator(".jp-InputPrompt");
    const before = await prompt.textContent();
    await this.start(cell);
    for (let waited = 0; waited < 60_000; waited += 20) {
      const now = await prompt.textContent();
      if (now !== before && /^\[\d+\]:$/.test(now ?? "")) return;
      await sleep(20);
    }
    throw new Error(`cell ${cell} did not end within 60 s; its margin says ${await prompt.textContent()}`);
  }

  /** Keeps a picture of cells that are in view, from `first` to before `end`. */
  async picture(name: string, first = 0, end?: number): Promise<void> {
    await this.cells.nth(first).scrollIntoViewIfNeeded();
    const boxes = (await this.cells.all()).slice(first, end).map((cell) => cell.boundingBox());
    const areas = (await Promise.all(boxes)).filter((box) => box !== null);
    const { x, y, width } = areas[0];
    const last = areas.at(-1)!;
    await picture(this.page, name, { x, y, width, height: last.y + last.height - y });
  }

  async command(id: string): Promise<void> {
    await this.page.locator(`.jp-NotebookPanel-toolbar [data-command="${id}"]`).first().click();
  }
}
