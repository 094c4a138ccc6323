import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../setup/places.mjs";

interface Output {
  output_type: string;
  text?: string | string[];
  data?: Record<string, string | string[]>;
}

/** A notebook of the folder `notebooks`, as `moelab run` leaves it. */
export class HeadlessNotebook {
  status: number | null = null;
  /** What the run printed. */
  log = "";
  readonly executed: string;

  constructor(readonly name: string) {
    this.executed = join(root, "out", "test", `${name}.ipynb`);
  }

  /** @param parameters those that make it short */
  async run(parameters: Record<string, string | number> = {}): Promise<void> {
    const given = Object.entries(parameters).flatMap(([name, value]) => ["-p", `${name}=${value}`]);
    const command = [
      "dist/kernel/cli.js",
      "run",
      `notebooks/${this.name}.ipynb`,
      ...given,
      "-o",
      this.executed,
    ];
    const child = spawn(process.execPath, command, { cwd: root });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.log += text;
      });
    }
    this.status = await new Promise((resolve) => child.on("close", resolve));
  }

  /** The outputs of a cell, by its id. */
  outputsOf(id: string): Output[] {
    const { cells } = JSON.parse(readFileSync(this.executed, "utf8"));
    return cells.find((cell: { id: string }) => cell.id === id).outputs;
  }

  printed(id: string): string {
    return this.outputsOf(id)
      .flatMap(({ text = [] }) => text)
      .join("");
  }

  /** Mime types of what a cell shows. */
  shown(id: string): string[] {
    return this.outputsOf(id).flatMap(({ data = {} }) => Object.keys(data));
  }

  /** The first text of what a cell shows. */
  text(id: string): string {
    return this.outputsOf(id)
      .flatMap(({ data = {} }) => data["text/plain"] ?? [])
      .join("");
  }
}
