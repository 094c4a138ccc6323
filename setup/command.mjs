// Runs one program of the set-up: quiet while it goes well, complete in a log file when it does not.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { logs, root } from "./places.mjs";

export class CommandFailed extends Error {
  constructor(name, { code, signal, output, log }) {
    super(`${name} ended with ${signal ? `signal ${signal}` : `exit code ${code}`}`);
    Object.assign(this, { code, signal, output, log });
  }

  /** The last lines that say something, for an error message. */
  tail(lines = 12) {
    return this.output
      .split("\n")
      .filter((line) => line.trim())
      .slice(-lines)
      .map((line) => `\n    ${line}`)
      .join("");
  }
}

/**
 * Resolves with the whole output (stdout and stderr as they came); rejects with CommandFailed.
 * `name` names the log file, `onLine` gets each finished line.
 */
export function command(name, program, args, { env = {}, cwd = root, onLine = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // A set-up that is told to end takes its program with it: no download goes on behind the user's back.
    let ending;
    const end = (signal) => {
      if (ending) process.exit(ending);
      ending = 128 + constants.signals[signal];
      child.kill(signal);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, end);
    let output = "";
    let open = "";
    const take = (chunk) => {
      output += chunk;
      const lines = (open + chunk).split(/[\r\n]+/);
      open = lines.pop();
      for (const line of lines) if (line.trim()) onLine(line.trim());
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", take);
    const finish = (code, signal) => {
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(name, end);
      if (ending) process.exit(ending);
      if (code === 0) return resolve(output);
      const whole = `$ ${[program, ...args].join(" ")}\n${output}\n`;
      mkdirSync(logs, { recursive: true });
      const log = join(logs, `${name}.log`);
      writeFileSync(log, whole);
      // A build machine throws the log file away, so there the output itself is shown.
      if (process.env.CI) process.stderr.write(`\n${whole}`);
      reject(new CommandFailed(name, { code, signal, output, log }));
    };
    child.on("error", (error) => {
      output += `${error.message}\n`;
      finish(error.code === "ENOENT" ? 127 : 126, null);
    });
    child.on("close", finish);
  });
}
