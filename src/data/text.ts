import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { TokenDataset, type TokenDatasetOptions } from "./tokenDataset.js";
import type { Tokenizer } from "./tokenizer.js";

/** One or several text files (UTF-8), read one after the other. */
export type TextFiles = string | readonly string[];

export interface TextOptions extends TokenDatasetOptions {
  tokenizer: Tokenizer;
  /**
   * Share of the tokens, from the end, that is held out when no files for validation are given. Default 0.05; none is
   * held out when that would be less than one sequence.
   */
  validationShare?: number;
}

/**
 * A dataset of text files. Between files stands the tokenizer's end-of-text token, when it has one.
 * @param files for training, or for training and validation; relative paths are seen from the working directory
 * @example data.text({ train: "train.txt", validation: "validation.txt" }, { tokenizer, contextLength: 256, batchSize: 16 })
 * @throws Error for files that are missing or too short
 */
export function text(
  files: TextFiles | { train: TextFiles; validation?: TextFiles },
  options: TextOptions,
): TokenDataset {
  const { tokenizer, contextLength } = options;
  if (typeof tokenizer?.encode !== "function") {
    throw new TypeError(
      "data.text: `tokenizer` is missing; data.tokenizer(data.trainBpe(texts, { vocab })) makes one",
    );
  }
  const parts = typeof files === "object" && "train" in files ? files : { train: files };
  const ids = readTokens(parts.train, tokenizer);
  if (parts.validation !== undefined) {
    return new TokenDataset(ids, readTokens(parts.validation, tokenizer), options);
  }
  const { validationShare } = options;
  const share = validationShare ?? 0.05;
  if (!(share >= 0 && share < 1)) {
    throw new RangeError(`data.text: validationShare should be in [0, 1), got ${share}`);
  }
  const heldOut = Math.floor(share * ids.length);
  if (heldOut === 0 || (validationShare === undefined && heldOut < contextLength + 1)) {
    return new TokenDataset(ids, null, options);
  }
  const cut = ids.length - heldOut;
  return new TokenDataset(ids.slice(0, cut), ids.slice(cut), options);
}

function readTokens(files: TextFiles, tokenizer: Tokenizer): Int32Array {
  const list = typeof files === "string" ? [files] : files;
  if (list.length === 0) throw new Error("data.text: the list of files is empty");
  const parts = list.map((file) => tokenizer.encode(readText(file)));
  if (parts.length === 1) return parts[0];
  const separator = tokenizer.endOfText === undefined ? [] : [tokenizer.endOfText];
  const total = parts.reduce((sum, part) => sum + part.length + separator.length, 0);
  const all = new Int32Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    all.set(separator, at + part.length);
    at += part.length + separator.length;
  }
  return all;
}

function readText(file: string): string {
  const path = resolve(file);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new Error(`data.text: there is no file ${path} (the working directory is ${process.cwd()})`);
    throw new Error(`data.text: ${path} cannot be read: ${(error as Error).message}`);
  }
}
