import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Written so far, in order. */
export type Write = (bytes: Uint8Array) => void;

/**
 * Writes a file under a temporary name beside its own, syncs it and renames it: whoever opens `path`, also after a
 * crash, sees the old file or the whole new one.
 */
export function writeAtomically(path: string, body: (write: Write) => void): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const file = openSync(temporary, "w");
  try {
    try {
      body((bytes) => writeAll(file, bytes));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Makes renames and removals in a folder last. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return; // folders cannot be opened there
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A single write takes less than 2 GiB. */
const largestWrite = 2 ** 30;

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(file, bytes, at, Math.min(largestWrite, bytes.length - at));
  }
}
