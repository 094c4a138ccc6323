import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type Finding, off, ok } from "./finding.js";
import { environment } from "./places.js";

/** Where Jupyter looks for kernels, in its order, without asking one of the Jupyters. */
function folders(): string[] {
  const data = process.env.JUPYTER_DATA_DIR;
  const user = process.platform === "darwin" ? "Library/Jupyter" : ".local/share/jupyter";
  return [
    ...(process.env.JUPYTER_PATH?.split(delimiter).filter(Boolean) ?? []),
    data || join(homedir(), user),
    join(environment(), "share", "jupyter"),
    ...["VIRTUAL_ENV", "CONDA_PREFIX"].flatMap((name) =>
      process.env[name] ? [join(process.env[name], "share", "jupyter")] : [],
    ),
    "/usr/local/share/jupyter",
    "/usr/share/jupyter",
  ];
}

/** A kernelspec names programs by their paths, which move or vanish. */
function missingPart(file: string): string | undefined {
  try {
    const { argv } = JSON.parse(readFileSync(file, "utf8"));
    return argv.find((part: string) => part.startsWith("/") && !existsSync(part));
  } catch (error) {
    return (error as Error).message;
  }
}

export function jupyter(): Finding[] {
  const files = [...new Set(folders())]
    .map((folder) => join(folder, "kernels", "moelab", "kernel.json"))
    .filter((file) => existsSync(file));
  if (files.length === 0) {
    const reason = "no Jupyter knows the kernel yet";
    return [off("kernelspec", reason, "run `moelab kernel install`, or `npm run lab`")];
  }
  return files.map((file) => {
    const missing = missingPart(file);
    if (missing === undefined) return ok("kernelspec", file);
    const fix = "install it again: `moelab kernel install`";
    return off("kernelspec", `it starts ${missing}, which is not there`, fix, file);
  });
}
