import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { UsageError } from "../usage.js";
import { kernelsFolder } from "./jupyterFolders.js";
import { kernelName, kernelspec } from "./kernelspec.js";

const usage = `Usage: moelab kernel install [--user | --prefix DIR]

Makes the kernel known to Jupyter.

  --user        for this user (default)
  --prefix DIR  for the Python environment or installation in DIR
`;

/**
 * Writes the kernelspec.
 *
 * @returns the exit code
 * @throws UsageError for arguments that cannot be
 */
export async function installKernel(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { user: { type: "boolean" }, prefix: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (positionals.length > 0)
    throw new UsageError(`moelab kernel install: unexpected ${positionals[0]}.\n\n${usage}`);
  if (values.user && values.prefix !== undefined) {
    throw new UsageError("moelab kernel install: expected either --user or --prefix DIR, got both.");
  }
  const folder = path.join(kernelsFolder(values.prefix), kernelName);
  const cli = fileURLToPath(new URL("../cli.js", import.meta.url));
  await mkdir(folder, { recursive: true });
  await writeFile(
    path.join(folder, "kernel.json"),
    `${JSON.stringify(kernelspec(process.execPath, cli), null, 2)}\n`,
  );
  process.stdout.write(`Installed the kernel "${kernelName}" in ${folder}\n`);
  return 0;
}
