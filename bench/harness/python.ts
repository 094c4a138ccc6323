import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { addon, packageRoot } from "../../src/engine/addon.js";

interface Reply {
  result?: unknown;
  error?: string;
}

/**
 * The Python side of a comparison: one process of the private environment, which has the same libtorch, for as long
 * as the benchmark runs, with the same number of threads. Its functions are those of a file beside the benchmark.
 */
export class Python {
  private readonly waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];

  private constructor(private readonly process: ChildProcess) {
    createInterface({ input: process.stdout! }).on("line", (line) => {
      this.waiting.shift()?.resolve(JSON.parse(line) as Reply);
    });
    const fail = (error: Error) => {
      for (const each of this.waiting.splice(0)) each.reject(error);
    };
    process.once("error", (error) => fail(new Error(`the Python side did not start: ${error.message}`)));
    process.once("exit", (code, signal) =>
      fail(new Error(`the Python side ended with ${signal ?? `exit code ${code}`}`)),
    );
  }

  /**
   * @param file under the project's folder, for example "bench/opOverhead.py"
   * @throws Error when the private environment is missing
   */
  static async start(file: string): Promise<Python> {
    const root = packageRoot();
    const program = join(root, ".moelab", "python", "bin", "python");
    if (!existsSync(program)) {
      throw new Error(
        `expected the private Python environment at ${program}: run \`npm run setup\` in moelab's folder`,
      );
    }
    const threads = String(addon().system().threads);
    const process_ = spawn(program, [join(root, "bench", "harness", "serve.py"), join(root, file), threads], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, OMP_NUM_THREADS: threads, PYTHONDONTWRITEBYTECODE: "1" },
    });
    return new Python(process_);
  }

  /** Calls a function of the file with named arguments. Calls are answered in order. */
  async call<T = number>(name: string, args: Record<string, unknown> = {}): Promise<T> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        reject(new Error("the Python side has ended"));
        return;
      }
      this.waiting.push({ resolve, reject });
      this.process.stdin!.write(`${JSON.stringify({ function: name, arguments: args })}\n`);
    });
    if (reply.error !== undefined) throw new Error(`${name} failed in Python:\n${reply.error}`);
    return reply.result as T;
  }

  /** Ends the process: it leaves when its input does. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.process.once("exit", () => resolve()));
    this.process.stdin!.end();
    await ended;
  }
}
