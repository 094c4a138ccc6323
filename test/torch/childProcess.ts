import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "../../src/engine/addon.js";

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs module code in a process of its own, where a crash is an observation. `torch` and `addon` are imported from
 * the built package.
 */
export function inChild(code: string, { addressSpaceKiB }: { addressSpaceKiB?: number } = {}): Ending {
  const built = (path: string) => JSON.stringify(pathToFileURL(join(packageRoot(), "dist/src", path)).href);
  const source = `import * as torch from ${built("torch/index.js")};
import { addon, addonPath } from ${built("engine/addon.js")};
${code}`;
  const limit = addressSpaceKiB === undefined ? "" : `ulimit -v ${addressSpaceKiB}; `;
  const { status, signal, stdout, stderr } = spawnSync(
    "sh",
    ["-c", `${limit}exec "$0" "$@"`, process.execPath, "--input-type=module", "-e", source],
    { encoding: "utf8", timeout: 60_000 },
  );
  return { code: status, signal, stdout, stderr };
}
