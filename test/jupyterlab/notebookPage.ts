import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
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

  async kernelIs(status: "idle" | "busy"): Promise<void> {
    const indicator = this.page.locator(".jp-Notebook-ExecutionIndicator").first();
    await expect.poll(() => indicator.getAttribute("data-status"), { timeout: 60_000 }).toBe(status);
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

  /** Runs a cell until its number stands in the margin. */
  async run(cell: number): Promise<void> {
    await this.start(cell);
    const prompt = this.cells.nth(cell).locator(".jp-InputPrompt");
    await expect.poll(() => prompt.textContent(), { timeout: 60_000 }).toMatch(/^\[\d+\]:$/);
  }

  async command(id: string): Promise<void> {
    await this.page.locator(`.jp-NotebookPanel-toolbar [data-command="${id}"]`).first().click();
  }
}
