import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const dist = fileURLToPath(new URL("../../../dist/", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "moelab-compiler-"));
process.env.MOELAB_IMAGES = join(folder, "images");
const { imageFile } = await import("../../../dist/kernel/cells/image/imageFile.js");
const { SeparateCompiler } = await import("../../../dist/kernel/cells/separateCompiler.js");

beforeAll(() => {
  execFileSync(process.execPath, [join(dist, "kernel/cells/image/buildImage.js")]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("a compiler in a process of its own", () => {
  it("is replaced after its death by one that knows the same declarations", async () => {
    const compiler = new SeparateCompiler({ directory: folder, documentation: false });
    const cell = (code: string) => compiler.compile(code, "cell");
    expect(await cell("let kept: number = 1; const process = { own: true };")).toMatchObject({ ok: true });
    const first = compiler.pid!;
    const asked = cell("kept");
    process.kill(first, "SIGKILL");
    await expect(asked).rejects.toThrow(/The cell compiler stopped: signal SIGKILL\n.*run the cell again/);
    expect(compiler.pid).not.toBe(first);
    expect(await cell("kept.toFixed() + process.own")).toMatchObject({ ok: true });
    const renamed = await cell("process.own");
    expect(renamed.ok && renamed.cell.javascript).toContain("process$cell.own");
    expect((await cell("unknown")).ok).toBe(false);
    const last = compiler.pid!;
    await compiler.close();
    expect(alive(last)).toBe(false);
    await expect(cell("1")).rejects.toThrow("closed");
  });

  it("ends with the process that started it, however that ends", async () => {
    const script = `
      import { SeparateCompiler } from ${JSON.stringify(join(dist, "kernel/cells/separateCompiler.js"))};
      const compiler = new SeparateCompiler({ directory: ".", documentation: false });
      await compiler.compile("1", "cell");
      console.log(compiler.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], { cwd: folder });
    const line = await new Promise<string>((resolve) =>
      parent.stdout.once("data", (data) => resolve(String(data))),
    );
    parent.kill("SIGKILL");
    await gone(Number(line));
  });

  it("starts without the image where that does not work", async () => {
    expect(existsSync(imageFile)).toBe(true);
    truncateSync(imageFile, 1000);
    const compiler = new SeparateCompiler({ directory: folder, documentation: false });
    expect(await compiler.compile("1 + 1", "cell")).toMatchObject({ ok: true });
    await compiler.close();
    expect(existsSync(imageFile)).toBe(false);
  });
});
