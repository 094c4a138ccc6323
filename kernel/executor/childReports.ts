import { ChildProcess } from "node:child_process";

/** Tells of each process that code of this thread starts without waiting for it, and of its end. */
export function reportChildProcesses(report: (pid: number, ended: boolean) => void): void {
  const prototype = ChildProcess.prototype as any;
  const { spawn } = prototype;
  prototype.spawn = function (this: ChildProcess, ...parameters: unknown[]) {
    const fault = spawn.apply(this, parameters);
    const { pid } = this;
    if (pid !== undefined) {
      report(pid, false);
      this.once("exit", () => report(pid, true));
    }
    return fault;
  };
}
