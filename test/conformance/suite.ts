import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../../", import.meta.url));

export interface Outcome {
  name: string;
  level: string;
  status: "passed" | "failed" | "skipped";
  reason: string;
}

/** Runs `python -m conformance`; gives what it printed. `folder` holds kernels and what they write. */
export function conformance(folder: string, parameters: string[]): Promise<string> {
  const python = join(project, ".moelab", "python", "bin", "python");
  const env = {
    ...process.env,
    JUPYTER_PATH: join(folder, "share", "jupyter"),
    // New each time: ipykernel that was interrupted may leave a history that others cannot write.
    IPYTHONDIR: mkdtempSync(join(folder, "ipython-")),
    MOELAB_HISTORY: join(folder, "history"),
    PYTHONDONTWRITEBYTECODE: "1",
  };
  return new Promise((resolve, reject) => {
    const options = { cwd: project, env, maxBuffer: 2 ** 26 };
    execFile(python, ["-m", "conformance", ...parameters], options, (fault, stdout, stderr) => {
      // 1: a check failed, which is for the test to judge.
      if (fault && fault.code !== 1) reject(new Error(`${fault.message}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

/** The checks of a kernel that did not pass, but for those left out: name → status and reason. */
export async function shortcomings(
  folder: string,
  kernel: string,
  leaveOut: string[] = [],
): Promise<Record<string, string>> {
  const without = leaveOut.flatMap((pattern) => ["--except", pattern]);
  const printed = await conformance(folder, ["--kernel", kernel, "--timeout", "30", "--json", ...without]);
  const { checks }: { checks: Outcome[] } = JSON.parse(printed);
  const found = checks.filter((check) => check.status !== "passed");
  return Object.fromEntries(found.map((check) => [check.name, `${check.status}: ${check.reason}`]));
}
