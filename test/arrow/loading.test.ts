import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../src/engine/addon.js";
import * as torch from "../../src/torch/index.js";

it("loads apache-arrow at the first conversion, and not to open files", () => {
  const folder = mkdtempSync(join(tmpdir(), "moelab-arrow-"));
  try {
    const path = join(folder, "x.arrow");
    torch.saveArrow(path, { x: torch.ones([2]) });
    const program = `
      import * as torch from ${JSON.stringify(join(packageRoot(), "dist/src/torch/index.js"))};
      import { createRequire } from "node:module";
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((file) => /apache-arrow/.test(file)).length;
      const opened = torch.openArrow(${JSON.stringify(path)}).x.sum().item();
      const before = loaded();
      torch.ones([1]).toArrow();
      console.log(JSON.stringify([opened, before, loaded() > 0]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual([2, 0, true]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("declares the interface without apache-arrow's declarations, and fits them", () => {
  const root = packageRoot();
  const folder = mkdtempSync(join(root, "test", "arrow", "declarations-"));
  try {
    const index = JSON.stringify(join(root, "dist/src/torch/index.js"));
    const plain = join(folder, "plain.mts");
    const typed = join(folder, "typed.mts");
    writeFileSync(
      plain,
      `import * as torch from ${index};\nexport const length = torch.ones([2]).toArrow().length;\n`,
    );
    writeFileSync(
      typed,
      `import * as torch from ${index};
import * as arrow from "apache-arrow";
const vector: arrow.Vector<arrow.Float32> = torch.ones([2]).toArrow();
torch.fromArrow(vector);
torch.fromArrow(arrow.makeVector(new Float32Array(2)));
torch.fromArrow(arrow.makeVector(new Float32Array(2)).data[0]);
torch.fromArrow(new arrow.Table({ vector, other: torch.ones([2]).toArrow<arrow.Vector>() }), { column: "other" });
torch.fromArrow(arrow.tableFromIPC(new Uint8Array()).batches[0]);
export const table: arrow.Table = torch.toArrowTable({ x: torch.ones([2]) });
`,
    );
    const check = (file: string) =>
      spawnSync(
        process.execPath,
        [
          join(root, "node_modules/typescript/bin/tsc"),
          ...["--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--listFiles"],
          ...["--target", "es2022", "--module", "nodenext", "--types", "node", file],
        ],
        { cwd: root, encoding: "utf8" },
      );
    const checkedPlain = check(plain);
    expect(checkedPlain.stdout).not.toMatch(/error TS/);
    expect(checkedPlain.stdout).not.toMatch(/apache-arrow/);
    const checkedTyped = check(typed);
    expect(checkedTyped.stdout).not.toMatch(/error TS/);
    expect(checkedTyped.stdout).toMatch(/apache-arrow/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
