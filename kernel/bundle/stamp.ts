import { statSync } from "node:fs";

/** A file's name, and its stamp when something was made of it. */
export type StampedFile = [file: string, stamp: string];

/** Differs from an earlier one when the file has been written since; empty when there is none. */
export function stampOf(fileName: string): string {
  const found = statSync(fileName, { throwIfNoEntry: false });
  return found ? `${found.mtimeMs} ${found.size}` : "";
}

export function anyChanged(files: StampedFile[]): boolean {
  return files.some(([file, stamp]) => stampOf(file) !== stamp);
}
