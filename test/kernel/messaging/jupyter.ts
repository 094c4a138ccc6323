import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../../../", import.meta.url));

/** A Jupyter that knows the moelab kernel, and a directory for notebooks; both are removed by `close`. */
export class Jupyter {
  readonly folder = mkdtempSync(join(tmpdir(), "moelab-jupyter-"));

  constructor() {
    writeFileSync(join(this.folder, "local.mjs"), "export const twice = (x) => 2 * x;\n");
    writeFileSync(join(this.folder, "data.json"), '{ "answer": 42 }\n');
    const cli = join(project, "dist", "kernel", "cli.js");
    execFileSync(process.execPath, [cli, "kernel", "install", "--prefix", this.folder]);
  }

  /** Runs a Python script of this folder; `onLine` gets each line of its output. */
  python(
    script: string,
    parameters: string[] = [],
    onLine: (line: string) => void = () => {},
  ): Promise<void> {
    const child = spawn(
      join(project, ".moelab", "python", "bin", "python"),
      [fileURLToPath(new URL(script, import.meta.url)), this.folder, ...parameters],
      {
        env: {
          ...process.env,
          JUPYTER_PATH: join(this.folder, "share", "jupyter"),
          MOELAB_HISTORY: join(this.folder, "history"),
          PYTHONDONTWRITEBYTECODE: "1",
        },
      },
    );
    let lines = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      lines += text;
      const complete = lines.split("\n");
      lines = complete.pop()!;
      for (const line of complete) onLine(line);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) =>
        code === 0 ? resolve() : reject(new Error(`${script}: exit ${code}\n${errors}`)),
      );
    });
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
