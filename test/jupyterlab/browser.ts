import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { root } from "../../setup/places.mjs";
import { browser as chromiumOnThisMachine } from "../../setup/steps/browser.mjs";

/** Without a browser these tests are skipped; the set-up has said so. */
export const hasBrowser = chromiumOnThisMachine() !== undefined;

const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Browser {
  page: Page;
  close(): Promise<void>;
}

/** A headless Chromium with a profile of its own. */
export async function openBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "moelab-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumOnThisMachine(),
    headless: true,
    args: quiet,
    viewport: { width: 1280, height: 960 },
  });
  return {
    page: context.pages()[0] ?? (await context.newPage()),
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Keeps a picture of the page, or of an area of it, for people to look at. */
export async function picture(page: Page, name: string, clip?: Area): Promise<void> {
  const folder = join(root, "out", "test", "jupyterlab");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), clip });
}
