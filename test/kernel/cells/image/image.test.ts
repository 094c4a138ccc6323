import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const builder = fileURLToPath(new URL("../../../../dist/kernel/cells/image/buildImage.js", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "moelab-images-"));
process.env.MOELAB_IMAGES = join(folder, "images");
const { imageFiles } = await import("../../../../dist/kernel/cells/image/imageFile.js");
const { SeparateCompiler } = await import("../../../../dist/kernel/cells/separateCompiler.js");

beforeAll(() => {
  execFileSync(process.execPath, [builder]);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("makes both images", () => {
  expect(existsSync(imageFiles.lean)).toBe(true);
  expect(existsSync(imageFiles.whole)).toBe(true);
});

it.each(["lean", "whole"] as const)(
  "a compiler starts although the %s image is damaged, which is removed",
  async (kind) => {
    truncateSync(imageFiles[kind], 1000);
    const compiler = new SeparateCompiler({ directory: folder, documentation: false });
    expect(await compiler.compile("const one = 1", "cell")).toMatchObject({ ok: true });
    expect(await compiler.compile('import "node:fs"; one', "cell")).toMatchObject({ ok: true });
    expect(existsSync(imageFiles[kind])).toBe(false);
    await compiler.close();
  },
);
