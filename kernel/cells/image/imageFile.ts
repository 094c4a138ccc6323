import path from "node:path";
import { installationFolder } from "../../installation.js";
import { murmur2 } from "../../murmur2.js";

/**
 * Options of every process that makes an image or starts from one: V8 refuses an image made under others. Collections
 * are asked for when nothing else is to be done, and a dozen while the first cell is checked avoided; without new hash
 * seeds an image is there a seventh sooner.
 */
export const imageOptions = ["--expose-gc", "--no-rehash-snapshot", "--min-semi-space-size=16"];

/** Has glibc ask for huge pages: an image is read into tens of megabytes, which else come 4 KiB at a time. */
const hugePages = "glibc.malloc.hugetlb=1";

/** Environment of such a process: without what changes V8's options, and what only takes time. */
export function imageEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, NODE_EXTRA_CA_CERTS, NODE_V8_COVERAGE, GLIBC_TUNABLES, ...rest } = process.env;
  return { ...rest, GLIBC_TUNABLES: GLIBC_TUNABLES ? `${GLIBC_TUNABLES}:${hugePages}` : hugePages };
}

/** Where images lie; MOELAB_IMAGES names another folder, for an installation that cannot be written to. */
export const imageFolder = process.env.MOELAB_IMAGES ?? path.join(installationFolder, ".moelab", "compiler");

/** Names files, no more; `node:crypto` takes longer to load than all else that goes before the start of a compiler. */
function digest(facts: string[]): string {
  return [1, 2].map((seed) => murmur2(facts.join("\n"), seed).toString(16).padStart(8, "0")).join("");
}

/** Starts the names of all images of this installation. */
export const imagePrefix = `${digest([installationFolder])}-`;

/** `lean`: of a compiler that knows JavaScript's own library alone; it starts in half the time. */
export type ImageKind = "whole" | "lean";

/** The files that images for this Node have, whether they are there or not. Whether one is of today, it knows itself. */
export const imageFiles: Record<ImageKind, string> = { whole: fileOf("whole"), lean: fileOf("lean") };

function fileOf(kind: ImageKind): string {
  const facts = [process.version, process.arch, process.platform, ...imageOptions, kind];
  return path.join(imageFolder, imagePrefix + digest(facts));
}
