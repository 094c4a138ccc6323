import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** Longest path of a Unix socket that every system takes. */
const longestSocketPath = 100;

const socketName = "executors";

/** Address of a new socket in a folder that only this user may enter. */
export async function newSocketAddress(): Promise<string> {
  const inTemporary = path.join(tmpdir(), "moelab-XXXXXX", socketName);
  const parent = inTemporary.length <= longestSocketPath ? tmpdir() : "/tmp";
  return `ipc://${path.join(await mkdtemp(path.join(parent, "moelab-")), socketName)}`;
}

/** Removes what {@link newSocketAddress} made; whoever is left last does so. */
export function removeSocketFolder(address: string): void {
  rmSync(path.dirname(address.replace(/^ipc:\/\//, "")), { recursive: true, force: true });
}
