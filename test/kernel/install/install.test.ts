import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const cli = fileURLToPath(new URL("../../../dist/kernel/cli.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "moelab-install-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function specIn(...path: string[]) {
  return JSON.parse(readFileSync(join(folder, ...path, "kernels", "moelab", "kernel.json"), "utf8"));
}

describe("moelab kernel install", () => {
  it("writes the kernelspec below a prefix", () => {
    execFileSync(process.execPath, [cli, "kernel", "install", "--prefix", join(folder, "prefix")]);
    const spec = specIn("prefix", "share", "jupyter");
    expect(spec).toMatchObject({
      display_name: "TypeScript (moelab)",
      language: "typescript",
      interrupt_mode: "message",
    });
    const [node, program, ...rest] = spec.argv;
    expect(isAbsolute(node) && isAbsolute(program)).toBe(true);
    expect(rest).toEqual(["kernel", "run", "{connection_file}"]);
  });

  it("writes it for the user, where Jupyter looks", () => {
    const env = { ...process.env, JUPYTER_DATA_DIR: join(folder, "user") };
    execFileSync(process.execPath, [cli, "kernel", "install", "--user"], { env });
    expect(specIn("user").display_name).toBe("TypeScript (moelab)");
  });

  it("refuses what contradicts itself", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [cli, "kernel", "install", "--user", "--prefix", folder],
      {
        encoding: "utf8",
      },
    );
    expect(status).toBe(2);
    expect(stderr).toContain("expected either --user or --prefix DIR, got both");
  });
});
