import { homedir, platform } from "node:os";
import path from "node:path";

/** Where Jupyter looks for kernelspecs: below a prefix, or this user's own (as `jupyter --paths` says). */
export function kernelsFolder(prefix?: string): string {
  return path.join(
    prefix === undefined ? userDataFolder() : path.join(path.resolve(prefix), "share", "jupyter"),
    "kernels",
  );
}

/** Where Jupyter keeps what belongs to this user. */
export function userDataFolder(): string {
  const { JUPYTER_DATA_DIR, XDG_DATA_HOME } = process.env;
  if (JUPYTER_DATA_DIR) return JUPYTER_DATA_DIR;
  if (platform() === "darwin") return path.join(homedir(), "Library", "Jupyter");
  return path.join(XDG_DATA_HOME || path.join(homedir(), ".local", "share"), "jupyter");
}
