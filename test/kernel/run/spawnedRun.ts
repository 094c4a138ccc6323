import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CodeCell, Notebook } from "../../../kernel/notebook/format.js";
import { parseNotebook } from "../../../kernel/notebook/readNotebook.js";

const root = join(import.meta.dirname, "../../..");
const cli = join(root, "dist/kernel/cli.js");

export interface CellSpec {
  source: string;
  tags?: string[];
}

/** A folder under the system's temporary one, with the notebooks and scripts of a test file. */
export class Workplace {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "moelab-run-")));

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  notebook(name: string, cells: (string | CellSpec)[]): void {
    const codeCells = cells.map((cell, index) => {
      const { source, tags } = typeof cell === "string" ? { source: cell, tags: undefined } : cell;
      const metadata = tags ? { tags } : {};
      return { cell_type: "code", id: `c${index}`, metadata, source, outputs: [], execution_count: null };
    });
    this.write(name, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: codeCells }));
  }

  read(name: string): Notebook {
    return parseNotebook(readFileSync(this.path(name), "utf8"), name);
  }

  /** Asks Jupyter's own library whether the file is a valid notebook; throws when it is not. */
  validate(name: string): void {
    const program = "import nbformat, sys; nbformat.validate(nbformat.read(sys.argv[1], as_version=4))";
    const python = join(root, ".moelab/python/bin/python");
    execFileSync(python, ["-W", "error", "-c", program, this.path(name)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

/** A started `moelab`. */
export class SpawnedRun {
  stdout = "";
  stderr = "";
  readonly finished: Promise<Finished>;
  private readonly child;
  private readonly start = performance.now();
  private wake = (): void => {};

  constructor(folder: string, args: string[], environment: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [cli, ...args], {
      cwd: folder,
      // A group of its own, as a shell gives it, so that a test can do what Ctrl+C does.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, ...environment },
    });
    this.child.stdout.setEncoding("utf8").on("data", (text) => this.add("stdout", text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => this.add("stderr", text));
    this.finished = new Promise((resolve) => {
      this.child.on("close", (code, signal) => {
        this.wake();
        const seconds = (performance.now() - this.start) / 1000;
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr, seconds });
      });
    });
  }

  /** Resolves with the match once stdout matches; rejects when the run ends before. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match) return match;
      if (this.child.exitCode !== null)
        throw new Error(`ended without ${pattern}: ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** What Ctrl+C in a terminal does: every process of the group gets the signal. */
  killGroup(signal: NodeJS.Signals): void {
    process.kill(-(this.child.pid ?? Number.NaN), signal);
  }

  private add(name: "stdout" | "stderr", text: string): void {
    this[name] += text;
    this.wake();
  }
}

export function codeCells(notebook: Notebook): CodeCell[] {
  return notebook.cells.filter((cell): cell is CodeCell => cell.cell_type === "code");
}

export function statusOf(cell: CodeCell): [string, string] {
  const { moelab, papermill } = cell.metadata as Record<string, { status: string }>;
  return [moelab.status, papermill.status];
}

/** Whether a process is there; a zombie counts as gone. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
