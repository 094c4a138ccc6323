import { createHash } from "node:crypto";
import path from "node:path";
import { installationFolder } from "../../installation.js";

/**
 * Options of every process that makes an image or starts from one: V8 refuses an image made under others. Collections
 * are asked for when nothing else is to be done, and a dozen while the first cell is checked avoided; without new hash
 * seeds an image is there a seventh sooner.
 */
export const imageOptions = ["--expose-gc", "--no-rehash-snapshot", "--min-semi-space-size=16"];

/** Environment of such a process: without what changes V8's options, and what only takes time. */
export function imageEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, NODE_EXTRA_CA_CERTS, NODE_V8_COVERAGE, ...rest } = process.env;
  return rest;
}

/** Where images lie; MOELAB_IMAGES names another folder, for an installation that cannot be written to. */
export const imageFolder = process.env.MOELAB_IMAGES ?? path.join(installationFolder, ".moelab", "compiler");

function digest(facts: string[]): string {
  return createHash("sha256").update(facts.join("\n")).digest("hex").slice(0, 16);
}

/** Starts the names of all images of this installation. */
export const imagePrefix = `${digest([installationFolder])}-`;

/** The file that an image for this Node has, whether it is there or not. Whether it is of today, it knows itself. */
export const imageFile = path.join(
  imageFolder,
  imagePrefix + digest([process.version, process.arch, process.platform, ...imageOptions]),
);
